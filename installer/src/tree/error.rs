//! Why a tree cannot be written, put in place or removed.

use std::io;
use std::path::PathBuf;

use bulla_bundle::VerifyError;
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};

use super::persist::PersistError;
use crate::platform::files::FileError;
use crate::state::StateError;
use bulla_schemas::units::count;

/// Why a tree is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The installer's own state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The payload is not what the bundle says.
    #[error(transparent)]
    Bundle(Box<VerifyError>),
    /// A file of the payload is not what the index says.
    #[error("the index says `{path}` is {expected}, the payload has {found}")]
    Content {
        /// The file.
        path: String,
        /// The digest in the index.
        expected: Digest,
        /// The digest of what was there.
        found: Digest,
    },
    /// What has been downloaded cannot be read back.
    #[error("cannot read back what has been downloaded")]
    ReadSpool(#[source] io::Error),
    /// A thread ended by itself.
    #[error("a thread ended unexpectedly")]
    ThreadDied,
    /// A persistent path.
    #[error(transparent)]
    Persist(#[from] PersistError),
    /// Not enough bytes.
    #[error(
        "the release needs {needed} bytes on the file system of `{}`, {free} are free",
        path.display()
    )]
    NoSpace {
        /// A directory on the file system.
        path: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Not enough inodes.
    #[error(
        "the release needs {} on the file system of `{}`, {free} are free",
        count(*needed, "inode", "inodes"),
        path.display()
    )]
    NoInodes {
        /// A directory on the file system.
        path: PathBuf,
        /// Inodes that are needed.
        needed: u64,
        /// Inodes that are free.
        free: u64,
    },
    /// The live tree was changed by hand and cannot be exchanged in one step here.
    #[error(
        "`{}` is live and was changed by hand, and this file system cannot exchange two directories in one step",
        path.display()
    )]
    CannotExchange {
        /// The tree.
        path: PathBuf,
    },
    /// A mount hides the tree.
    #[error("something is mounted on `{}` and hides the tree of the release", path.display())]
    Covered {
        /// The tree.
        path: PathBuf,
    },
    /// A tree that has to be replaced has something mounted in it.
    #[error(
        "`{}` has to be written again, and something is mounted on `{}`",
        path.display(),
        point.display()
    )]
    Mounted {
        /// The tree.
        path: PathBuf,
        /// Where something is mounted.
        point: PathBuf,
    },
}

impl From<VerifyError> for TreeError {
    fn from(error: VerifyError) -> Self {
        Self::Bundle(Box::new(error))
    }
}

impl Outcome for TreeError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::State(error) => error.kind(),
            Self::Persist(error) => error.kind(),
            Self::Bundle(_) | Self::Content { .. } => FailureKind::Refused,
            Self::ReadSpool(_)
            | Self::ThreadDied
            | Self::NoSpace { .. }
            | Self::NoInodes { .. }
            | Self::CannotExchange { .. }
            | Self::Covered { .. }
            | Self::Mounted { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::State(error) => return error.hint(),
            Self::Persist(error) => return error.hint(),
            Self::Bundle(_) | Self::Content { .. } => {
                "the registry or the builder is at fault; nothing was installed"
            }
            Self::NoSpace { .. } | Self::NoInodes { .. } => {
                "make room, or keep fewer releases with --keep"
            }
            Self::CannotExchange { .. } => {
                "move the changed files away by hand, or install another release"
            }
            Self::Covered { .. } => "unmount it and run the same command again",
            Self::Mounted { .. } => {
                "unmount it and run the same command again; what is kept across releases belongs \
                 in a persistent path"
            }
            Self::ReadSpool(_) | Self::ThreadDied => return None,
        };
        Some(hint.to_owned())
    }
}
