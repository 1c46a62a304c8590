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
    /// Other things are there.
    #[error("`{}` is neither empty nor a registry", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// The database is gone, and all else is there.
    #[error("the registry in `{}` has lost its database", path.display())]
    IndexLost {
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
    /// Something is in a folder that is to be filled.
    #[error("`{}` is neither empty nor a backup", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// One folder lies in the other.
    #[error("`{}` and `{}` lie one in the other", path.display(), other.display())]
    Nested {
        /// The folder that is to be filled.
        path: PathBuf,
        /// Where that comes from.
        other: PathBuf,
    },
    /// The log's key is another one.
    #[error("`{}` is of another registry: its log has another key", path.display())]
    OtherRegistry {
        /// The folder.
        path: PathBuf,
    },
    /// It is a mirror.
    #[error("`{}` is a mirror of {origin}, which has no key for a log of its own", path.display())]
    Mirror {
        /// The folder.
        path: PathBuf,
        /// What is mirrored.
        origin: String,
    },
    /// It is a registry with a log of its own.
    #[error("`{}` is a registry with a log of its own, and no mirror", path.display())]
    NoMirror {
        /// The folder.
        path: PathBuf,
    },
    /// The registry knows none of the tokens that the backup has.
    #[error("the registry knows none of the tokens in the backup `{}`: it has lost its database since", path.display())]
    DatabaseLost {
        /// The backup.
        path: PathBuf,
    },
    /// A restore was not ended.
    #[error("not all that was to be restored is in `{}`", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// The first backup was not ended.
    #[error("the backup in `{}` never came to its end", path.display())]
    NoBackup {
        /// The folder.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Outcome for DataError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRegistry { .. }
            | Self::Occupied { .. }
            | Self::NotEmpty { .. }
            | Self::Nested { .. }
            | Self::Unfinished { .. }
            | Self::NoBackup { .. } => FailureKind::Failed,
            Self::OtherRegistry { .. }
            | Self::DatabaseLost { .. }
            | Self::IndexLost { .. }
            | Self::Mirror { .. }
            | Self::NoMirror { .. } => FailureKind::Refused,
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
            Self::Occupied { .. } => Some(
                "a new registry is made in a folder that is empty or not there yet; where the disk of \
                 one is not mounted, mount it first"
                    .to_owned(),
            ),
            Self::IndexLost { .. } => Some(
                "tokens and host reports are nowhere else: move `registry.db-wal` and `registry.db-shm` away \
                 where they are left, and where there is a backup, copy `registry.db` from it, in which \
                 tokens that were revoked since count again; then run `bulla-registry reindex`, which \
                 makes the index again of the files"
                    .to_owned(),
            ),
            Self::NotEmpty { .. } => {
                Some("name a folder that is empty or not there yet".to_owned())
            }
            Self::Nested { .. } => Some("name a folder beside the data directory".to_owned()),
            Self::Mirror { origin, .. } => Some(format!(
                "`bulla-registry mirror {origin}` serves it; where that registry is lost, remove \
                 `mirror.json`, and put the log's key beside the log or make the next one with \
                 `bulla-registry log-key --next`"
            )),
            Self::NoMirror { .. } => Some("name a folder that is empty or not there yet".to_owned()),
            Self::OtherRegistry { .. } => {
                Some("use a folder of its own for each registry".to_owned())
            }
            Self::DatabaseLost { .. } => Some(
                "stop the registry, move its `registry.db-wal` and `registry.db-shm` away, copy \
                 `registry.db` from the backup to its directory, in which tokens that were revoked since \
                 count again, and run `bulla-registry reindex`; or begin a backup in another folder"
                    .to_owned(),
            ),
            Self::Unfinished { .. } => {
                Some("run the same `bulla-registry restore` again, or remove the folder".to_owned())
            }
            Self::NoBackup { .. } => {
                Some("run `bulla-registry backup` again, or use another backup".to_owned())
            }
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
