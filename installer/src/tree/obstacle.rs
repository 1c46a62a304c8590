//! Why a tree stays where it is although no release needs it.

use std::fmt;
use std::path::PathBuf;

use bulla_schemas::units::count;

use crate::platform::files::FileError;

/// What keeps a tree from being recycled or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    /// Something is mounted in it: its files are not the release's.
    #[error("{name} is mounted on `{}`{}", path.display(), seen_by(process.as_ref()))]
    Mounted {
        name: String,
        path: PathBuf,
        /// A process that sees the mount, when this one does not.
        process: Option<Process>,
    },
    /// It, or a part of it, is mounted elsewhere.
    #[error(
        "`{}` is mounted on `{}`{}",
        path.display(),
        point.display(),
        seen_by(process.as_ref())
    )]
    MountedElsewhere {
        path: PathBuf,
        point: PathBuf,
        process: Option<Process>,
    },
    /// Processes work in it or have its files open.
    #[error("{} uses `{}`{}", process, path.display(), and_more(*others))]
    InUse {
        process: Process,
        path: PathBuf,
        /// How many other processes do.
        others: usize,
    },
    /// A file flag forbids it.
    #[error("`{}` is immutable or append-only; `chattr -ia` changes that", path.display())]
    Immutable { path: PathBuf },
    /// Somebody else's directory, which only they may empty.
    #[error("`{}` belongs to user id {owner}", path.display())]
    ForeignOwner { path: PathBuf, owner: u32 },
    /// A person put it where the installer works.
    #[error("`{}` was not made by the installer; move it elsewhere", path.display())]
    NotOurs { path: PathBuf },
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A process, as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) name: String,
}

impl fmt::Display for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {} ({})", self.id, self.name)
    }
}

fn seen_by(process: Option<&Process>) -> String {
    process.map_or_else(String::new, |process| {
        format!(" in the mount namespace of {process}")
    })
}

fn and_more(others: usize) -> String {
    match others {
        0 => String::new(),
        others => {
            let others = count(others as u64, "other process does", "other processes do");
            format!(", and {others}")
        }
    }
}
