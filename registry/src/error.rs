//! What can go wrong outside of a request: opening the data directory and what is in it.

use bulla_schemas::outcome::FailureKind;

use crate::data::DataError;
use crate::database::DatabaseError;
use crate::durable::FileError;
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

impl RegistryError {
    /// Returns how the program ends.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Data(DataError::Locked { .. })
            | Self::Database(DatabaseError::Data(DataError::Locked { .. })) => {
                FailureKind::Temporary
            }
            // A damaged log must not be served, whatever the operator wishes.
            Self::Log(LogError::Damaged(_)) => FailureKind::Refused,
            _ => FailureKind::Failed,
        }
    }

    /// Returns what whoever runs the registry can do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Data(DataError::Locked { .. }) => {
                "stop the other one first, or use another `--data` directory"
            }
            Self::Data(DataError::File(error)) | Self::File(error) if error.is_denied() => {
                "run as the user that the data directory belongs to"
            }
            Self::Database(_) => {
                "the database is an index: with it moved away, `bulla-registry reindex` makes a new one; tokens are made anew"
            }
            Self::Log(LogError::Damaged(_)) => {
                "restore `log/` from a backup or from a mirror; every client of this registry has its entries"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
