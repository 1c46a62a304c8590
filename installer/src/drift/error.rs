//! Why it cannot be told what was changed, or why it cannot be kept.

use std::path::PathBuf;

use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::platform::files::FileError;
use crate::state::{Leftover, StateError};
use crate::tree::TreeError;

/// Why a changed tree cannot be found, kept or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriftError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The installer's own state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The tree cannot be moved or removed.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Something uses the tree, or it cannot be removed as a whole.
    #[error("{0}")]
    InUse(Leftover),
    /// No tree with this name is set aside.
    #[error("`{asked}` is not the name of one tree in `{}`", directory.display())]
    NotSetAside {
        /// What was asked for.
        asked: String,
        /// Where trees are set aside.
        directory: PathBuf,
    },
}

impl Outcome for DriftError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::State(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::InUse(_) | Self::NotSetAside { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Tree(error) => error.hint(),
            Self::InUse(_) => Some("change that, and run the same command again".to_owned()),
            Self::NotSetAside { .. } => {
                Some("`bulla-installer set-aside list` shows the names".to_owned())
            }
        }
    }
}
