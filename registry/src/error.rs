//! What can go wrong outside of a request: opening the data directory and what is in it.

use std::path::PathBuf;

use bulla_files::FileError;
use bulla_schemas::ProjectName;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::units;

use crate::data::DataError;
use crate::database::DatabaseError;
use crate::log::LogError;
use crate::mirror::MirrorError;
use crate::publish::PublishError;
use crate::store::space::{Disk, Refusal};

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
    /// Another registry, or what it gives.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The index could not be made.
    #[error("the index cannot be made from the files")]
    Index(#[from] PublishError),
    /// What must stay cannot be told.
    #[error("what is to be kept cannot be told: {reason}")]
    NothingToKeepBy {
        /// Why.
        reason: String,
    },
    /// The log is gone.
    #[error("the log is empty, and there are statements of it")]
    LogLost,
    /// Records are lost of which the index knows.
    #[error("{} stored and in the index, and not recorded any more", units::count(*count, "manifest is", "manifests are"))]
    Unrecorded {
        /// How many manifests.
        count: u64,
    },
    /// Nothing was ever pushed to the project.
    #[error("there is no project `{project}` here")]
    NoProject {
        /// The project.
        project: ProjectName,
    },
    /// A folder of content is empty.
    #[error("`{folder}` is empty, and content should be in it")]
    Away {
        /// The folder, with a slash at its end.
        folder: &'static str,
    },
    /// The system gave no randomness.
    #[error("the system has no randomness")]
    Random(#[source] getrandom::Error),
    /// The disk takes nothing more.
    #[error("the disk with `{}` is full: {} free", path.display(), units::bytes(*free))]
    DiskFull {
        /// The data directory.
        path: PathBuf,
        /// How many bytes are left on its disk.
        free: u64,
        /// What could not be done.
        #[source]
        source: Box<Self>,
    },
    /// The user may not use more of the disk.
    #[error("the disk quota is used up at `{}`", path.display())]
    QuotaUsed {
        /// The data directory.
        path: PathBuf,
        /// What could not be done.
        #[source]
        source: Box<Self>,
    },
    /// Nothing may be written on the file system.
    #[error("the file system with `{}` is read-only", path.display())]
    ReadOnly {
        /// The data directory.
        path: PathBuf,
        /// What could not be done.
        #[source]
        source: Box<Self>,
    },
}

impl RegistryError {
    fn on(self, disk: &Disk) -> Self {
        let refusal = match &self {
            // SQLite says little about a disk.
            Self::Database(error)
            | Self::Index(PublishError::Database(error))
            | Self::Mirror(MirrorError::Database(error))
                if error.is_of_disk() =>
            {
                disk.refusal(error.is_full())
            }
            _ => self
                .file_error()
                .and_then(FileError::io_kind)
                .and_then(Refusal::from_kind),
        };
        let (path, source) = (disk.path().to_owned(), Box::new(self));
        match refusal {
            None => *source,
            Some(Refusal::Full) => Self::DiskFull {
                path,
                free: disk.free(),
                source,
            },
            Some(Refusal::Quota) => Self::QuotaUsed { path, source },
            Some(Refusal::ReadOnly) => Self::ReadOnly { path, source },
        }
    }

    fn file_error(&self) -> Option<&FileError> {
        match self {
            Self::File(error)
            | Self::Data(DataError::File(error))
            | Self::Database(DatabaseError::Data(DataError::File(error)))
            | Self::Log(LogError::File(error))
            | Self::Index(PublishError::File(error)) => Some(error),
            Self::Mirror(error) => error.file_error(),
            _ => None,
        }
    }
}

/// Says so where the disk of a data directory is why something could not be done.
pub(crate) fn on<E: Into<RegistryError>>(disk: &Disk) -> impl Fn(E) -> RegistryError {
    |error| error.into().on(disk)
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
            Self::Mirror(error) => error.kind(),
            Self::Index(_) | Self::NoProject { .. } | Self::Random(_) => FailureKind::Failed,
            // Nothing is removed by guessing.
            Self::NothingToKeepBy { .. }
            | Self::Away { .. }
            | Self::LogLost
            | Self::Unrecorded { .. } => FailureKind::Refused,
            Self::DiskFull { .. } | Self::QuotaUsed { .. } | Self::ReadOnly { .. } => {
                FailureKind::Temporary
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Database(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Mirror(error) => error.hint(),
            Self::Index(_) | Self::Random(_) => None,
            Self::NothingToKeepBy { .. } => {
                Some("`bulla-registry fsck` says what is damaged; nothing was removed".to_owned())
            }
            Self::LogLost => Some(
                "restore `log/` from a backup that is not older than what servers know of it"
                    .to_owned(),
            ),
            Self::Unrecorded { .. } => Some(
                "mount the disk that has `repositories/`, or run `bulla-registry fsck --repair`, which \
                 makes their records again; nothing was changed"
                    .to_owned(),
            ),
            Self::NoProject { .. } => Some("`bulla-registry du` shows all projects".to_owned()),
            Self::Away { folder } => Some(format!(
                "mount the disk that has `{folder}`, then run the same command again; where it is \
                 lost for good, publish the releases again or import their files; nothing was \
                 changed"
            )),
            Self::DiskFull { .. } => {
                Some("make space on that disk, then run the same command again".to_owned())
            }
            Self::QuotaUsed { .. } => Some(
                "remove files of the same user there, or raise the quota, then run the same \
                 command again"
                    .to_owned(),
            ),
            Self::ReadOnly { .. } => {
                Some("mount it read-write, then run the same command again".to_owned())
            }
        }
    }
}
