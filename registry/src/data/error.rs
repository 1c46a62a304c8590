//! What can go wrong with a data directory.

use std::path::PathBuf;

use bulla_files::FileError;
use bulla_schemas::outcome::{FailureKind, Outcome};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Nothing of a registry is there.
    #[error("there is no registry in `{}`", path.display())]
    NoRegistry {
        /// The directory.
        path: PathBuf,
    },
    /// Another process has the lock.
    #[error("`{}` is in use by {holder}", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// Pushes have stored content all the time.
    #[error("pushes into `{}` left no moment for anything else", path.display())]
    Busy {
        /// The data directory.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Outcome for DataError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRegistry { .. } => FailureKind::Failed,
            Self::Locked { .. } | Self::Busy { .. } => FailureKind::Temporary,
            Self::File(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRegistry { .. } => Some(
                "name its directory with --data; `bulla-registry serve` and `bulla-registry token \
                 create --init` make a new registry"
                    .to_owned(),
            ),
            Self::Locked { .. } => {
                Some("stop the other one first, or use another `--data` directory".to_owned())
            }
            Self::Busy { .. } => {
                Some("run the same command again when fewer of them go on".to_owned())
            }
            Self::File(error) => error.hint(),
        }
    }
}
