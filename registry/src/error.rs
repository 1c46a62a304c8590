//! What can go wrong outside of a request: opening the data directory and what is in it.

use bulla_files::FileError;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::data::DataError;
use crate::database::DatabaseError;
use crate::log::LogError;
use crate::publish::PublishError;

/// Why a registry cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The index could not be made.
    #[error("the index cannot be made from the files")]
    Index(#[from] PublishError),
    /// The system gave no randomness.
    #[error("the system has no randomness")]
    Random(#[source] getrandom::Error),
}

impl From<getrandom::Error> for RegistryError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

impl Outcome for RegistryError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Data(error) => error.kind(),
            Self::Database(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Log(error) => error.kind(),
            Self::Index(_) | Self::Random(_) => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Database(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Index(_) | Self::Random(_) => None,
        }
    }
}
