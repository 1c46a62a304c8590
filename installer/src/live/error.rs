//! Why a release cannot be made live.

use std::path::PathBuf;

use bulla_schemas::outcome::FailureKind;

use crate::platform::files::FileError;
use crate::state::StateError;

/// Why what is live cannot be read or switched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The installer's own state.
    #[error(transparent)]
    State(#[from] StateError),
    /// `current` is a directory or a file.
    #[error("`{}` is a {found}, not a link that bulla-installer made", path.display())]
    CurrentIsNoLink {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// `current` points to something else than a release.
    #[error(
        "`{}` points to `{}`, not to a release that bulla-installer made",
        path.display(),
        target.display()
    )]
    CurrentIsForeign {
        /// The path.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
}

impl LiveError {
    /// Returns the exit status' kind.
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::State(error) => error.kind(),
            Self::CurrentIsNoLink { .. } | Self::CurrentIsForeign { .. } => FailureKind::Failed,
        }
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::CurrentIsNoLink { .. } | Self::CurrentIsForeign { .. } => {
                Some("move it away; bulla-installer replaces only what it made itself".to_owned())
            }
        }
    }
}
