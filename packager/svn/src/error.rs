//! Why a working copy cannot be read.

use std::io;
use std::path::PathBuf;

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};

/// Why a working copy cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkingCopyError {
    /// A working copy of another Subversion.
    #[error(
        "expected a working copy of format 31 (Subversion 1.8 to 1.14), found format {format}{name} in `{checkout}`",
        name = format_name(*.format), checkout = .checkout.display()
    )]
    Format {
        /// The working copy.
        checkout: PathBuf,
        /// Its format.
        format: u32,
    },
    /// Another program writes.
    #[error("the database of the working copy `{checkout}` is locked by another program", checkout = .checkout.display())]
    Locked {
        /// The working copy.
        checkout: PathBuf,
    },
    /// An operation that was not finished.
    #[error("an `svn` command in the working copy `{checkout}` is running or was interrupted", checkout = .checkout.display())]
    Interrupted {
        /// The working copy.
        checkout: PathBuf,
    },
    /// A database that is not what Subversion writes.
    #[error("the database of the working copy `{checkout}` is damaged: {what}", checkout = .checkout.display(), what = escape(.what))]
    Damaged {
        /// The working copy.
        checkout: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What SQLite said.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// A database or directory that the system cannot read.
    #[error("cannot read {what} of the working copy `{checkout}`", checkout = .checkout.display())]
    Unreadable {
        /// The working copy.
        checkout: PathBuf,
        /// What of it.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A directory inside a working copy that Subversion does not know.
    #[error("the directory `{directory}` is in a working copy and not under version control", directory = .directory.display())]
    NotVersioned {
        /// The directory.
        directory: PathBuf,
    },
    /// A directory that was added and is in no revision yet.
    #[error("`{directory}` was never committed", directory = .directory.display())]
    NeverCommitted {
        /// The directory.
        directory: PathBuf,
    },
}

impl WorkingCopyError {
    pub(crate) fn damaged(checkout: &std::path::Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            checkout: checkout.to_owned(),
            what: what.into(),
            source: None,
        }
    }
}

/// Names the Subversion that wrote a format.
fn format_name(format: u32) -> &'static str {
    match format {
        8 => " (Subversion 1.4)",
        9 => " (Subversion 1.5)",
        10 => " (Subversion 1.6)",
        29 => " (Subversion 1.7)",
        32 => " (Subversion 1.15)",
        _ => "",
    }
}

impl Outcome for WorkingCopyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Locked { .. } => FailureKind::Temporary,
            Self::NotVersioned { .. } | Self::NeverCommitted { .. } => FailureKind::Usage,
            Self::Format { .. }
            | Self::Interrupted { .. }
            | Self::Damaged { .. }
            | Self::Unreadable { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Format { format: ..31, .. } => "run `svn upgrade`",
            Self::Format { .. } => {
                "check out again with `svn checkout --compatible-version 1.14`; a URL or `--revision` needs no working copy"
            }
            Self::Locked { .. } => "the same command works once the other one is done",
            Self::Interrupted { .. } => "when no `svn` command is running there, run `svn cleanup`",
            Self::Damaged { .. } => "check out again",
            Self::NotVersioned { .. } => "`svn add` and commit it first",
            Self::NeverCommitted { .. } => "make a first commit with `svn commit`",
            Self::Unreadable { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
