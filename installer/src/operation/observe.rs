//! Why it cannot be told what is on this server.

use std::path::PathBuf;

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, ProjectName};

use crate::drift::DriftError;
use crate::fetch::FetchError;
use crate::live::LiveError;
use crate::platform::files::FileError;
use crate::site::Command;
use crate::state::StateError;

/// Why status, history or a verification cannot be given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// What is live.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// What is remembered of the log.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was changed by hand.
    #[error(transparent)]
    Drift(#[from] DriftError),
    /// Nothing of this project was ever installed here.
    #[error("nothing of `{project}` is installed here")]
    NotInstalled {
        /// The project.
        project: ProjectName,
    },
    /// Nothing is live, although releases are there.
    #[error("nothing is live: `{}` does not exist", current.display())]
    NothingLive {
        /// The link that says what is live.
        current: PathBuf,
        /// The command that puts it back.
        command: Command,
    },
    /// The bundle of the live release is not kept here.
    #[error(
        "the bundle of {hash} is not in the state directory, so there is nothing to verify against"
    )]
    BundleNotKept {
        /// The release.
        hash: Digest,
        /// The command that makes it again.
        command: Command,
    },
    /// The tree of the live release is gone.
    #[error("the tree of {hash}, which is live, is gone")]
    TreeGone {
        /// The release.
        hash: Digest,
        /// The command that makes it again.
        command: Command,
    },
}

impl From<StateError> for ObserveError {
    fn from(error: StateError) -> Self {
        Self::Live(error.into())
    }
}

impl From<FileError> for ObserveError {
    fn from(error: FileError) -> Self {
        Self::Live(error.into())
    }
}

impl Outcome for ObserveError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Live(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Drift(error) => error.kind(),
            Self::NotInstalled { .. }
            | Self::NothingLive { .. }
            | Self::BundleNotKept { .. }
            | Self::TreeGone { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Live(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Drift(error) => error.hint(),
            Self::NotInstalled { .. } => None,
            Self::NothingLive { command, .. } => Some(format!("{command} puts a link back")),
            Self::BundleNotKept { command, .. } | Self::TreeGone { command, .. } => {
                Some(format!("{command} makes it again"))
            }
        }
    }
}
