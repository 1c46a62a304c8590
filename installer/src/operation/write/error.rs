//! Why a tree was not written.

use bulla_schemas::line::few;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::fetch::FetchError;
use crate::platform::files::FileError;
use crate::state::StateError;
use crate::tree::TreeError;
use bulla_schemas::units;

/// Why a tree was not written. Nothing that was there before is changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// What had to be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Without network, only what is on this disk can be used.
    #[error("{} not on this disk: {}", count(paths), named(paths))]
    NotOnDisk {
        /// The files, sorted.
        paths: Vec<String>,
    },
}

impl From<FileError> for WriteError {
    fn from(error: FileError) -> Self {
        Self::Tree(error.into())
    }
}

impl From<StateError> for WriteError {
    fn from(error: StateError) -> Self {
        Self::Tree(error.into())
    }
}

impl Outcome for WriteError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Tree(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::NotOnDisk { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Tree(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::NotOnDisk { .. } => None,
        }
    }
}

fn count(paths: &[String]) -> String {
    units::count(
        paths.len() as u64,
        "file that the release needs is",
        "files that the release needs are",
    )
}

fn named(paths: &[String]) -> String {
    const FEW: usize = 3;
    few(
        paths.iter().map(|path| format!("`{path}`")),
        FEW,
        ", ",
        " and",
    )
}
