//! Why something that the installer remembers cannot be read or written.

use std::path::PathBuf;

use bulla_bundle::VerifyError;
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::platform::files::FileError;

/// Why the installer's state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of the installer's own state cannot be understood.
    #[error("`{}` is damaged in line {line}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The reason.
        #[source]
        source: serde_json::Error,
    },
    /// A newer installer wrote it.
    #[error(
        "`{}` was written by a newer installer, in format {format} of the state; this one, {}, knows \
         formats up to {known}",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
        /// The newest one that is understood.
        known: u64,
    },
    /// A part of what is kept of a release's bundle is missing.
    #[error("a part of what is kept of {hash} is missing")]
    IncompleteBundle {
        /// The release.
        hash: Digest,
        /// Which part.
        #[source]
        source: FileError,
    },
    /// A value that has no JSON.
    #[error("cannot write down the state")]
    Unwritable(#[source] serde_json::Error),
    /// What is kept of a release's bundle is damaged.
    #[error("the index in `{}` does not match {hash}", directory.display())]
    KeptBundle {
        /// The release.
        hash: Digest,
        /// Where its bundle is kept.
        directory: PathBuf,
        /// What does not match.
        #[source]
        source: Box<VerifyError>,
    },
}

impl Outcome for StateError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Damaged { .. } | Self::Unwritable(_) | Self::IncompleteBundle { .. } => {
                FailureKind::Failed
            }
            Self::KeptBundle { .. } | Self::Newer { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) if !error.is_damage() => return error.hint(),
            Self::File(_) | Self::Damaged { .. } => {
                "the next `bulla-installer install` or `bulla-installer rollback` keeps it under \
                 another name and goes on without it"
            }
            Self::Newer { path, .. } => {
                return Some(format!(
                    "it may hold this server on a release, so nothing is changed: install the newer \
                     `bulla-installer` again, or read `{}` and move it away",
                    path.display()
                ));
            }
            Self::Unwritable(_) => return None,
            Self::KeptBundle { .. } | Self::IncompleteBundle { .. } => {
                "`bulla-installer install` fetches it again"
            }
        };
        Some(hint.to_owned())
    }
}
