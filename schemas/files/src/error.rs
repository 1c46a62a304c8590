//! `FileError`: what was attempted on which path.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use bulla_schemas::outcome::{FailureKind, Outcome};

/// Why a file operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was attempted, as a verb: `write`.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file of ours does not hold what we wrote.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// Something else lies where a file or a directory belongs.
    #[error("`{}` is {found}; expected {expected}", path.display())]
    WrongType {
        /// Where it lies.
        path: PathBuf,
        /// What belongs there: `a file`.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A file is larger than anything that belongs there.
    #[error("`{}` is larger than {limit} bytes, the most that is read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// Another user owns a directory that only we may change.
    #[error("`{}` belongs to user id {owner}; expected root or user id {expected}", path.display())]
    ForeignOwner {
        /// The directory, or one above it.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The user that this process runs as.
        expected: u32,
    },
    /// Other users may change a directory that only we may change.
    #[error("other users may write into `{}` (mode {mode:04o})", path.display())]
    Shared {
        /// The directory, or one above it.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl FileError {
    /// Says what was attempted on which path.
    pub fn new(operation: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io {
            operation,
            path: path.as_ref().to_owned(),
            source,
        }
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Damaged { path, .. }
            | Self::WrongType { path, .. }
            | Self::TooLarge { path, .. }
            | Self::ForeignOwner { path, .. }
            | Self::Shared { path, .. } => path,
        }
    }

    /// Returns the system's kind of error, when it was the system that refused.
    pub fn io_kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Tells whether the disk or the quota is full.
    pub fn is_full(&self) -> bool {
        matches!(
            self.io_kind(),
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        )
    }

    /// Tells whether nothing may be written on the file system.
    pub fn is_read_only(&self) -> bool {
        self.io_kind() == Some(ErrorKind::ReadOnlyFilesystem)
    }

    /// Tells whether what lies there is not what we wrote, whatever else is in order.
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::WrongType { .. } | Self::TooLarge { .. }
        )
    }

    /// Tells whether the operating system denies it.
    pub fn is_denied(&self) -> bool {
        self.io_kind() == Some(ErrorKind::PermissionDenied)
    }
}

impl Outcome for FileError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Io { .. }
            | Self::Damaged { .. }
            | Self::WrongType { .. }
            | Self::TooLarge { .. } => FailureKind::Failed,
            Self::ForeignOwner { .. } | Self::Shared { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io {
                operation, source, ..
            } => match source.kind() {
                ErrorKind::NotFound if *operation == "write" => {
                    Some("make its directory first".to_owned())
                }
                ErrorKind::IsADirectory if *operation == "write" => Some("name a file".to_owned()),
                ErrorKind::StorageFull => {
                    Some("free some space and run the same command again".to_owned())
                }
                ErrorKind::QuotaExceeded => Some(
                    "remove files that count for the same quota, or have it raised, and run the same \
                     command again"
                        .to_owned(),
                ),
                ErrorKind::PermissionDenied => {
                    Some("run it as the user who owns that directory".to_owned())
                }
                ErrorKind::NotADirectory => {
                    Some("move away what is in the place of a directory above it".to_owned())
                }
                ErrorKind::ReadOnlyFilesystem => {
                    Some("mount the file system read-write, or name another directory".to_owned())
                }
                _ => None,
            },
            Self::Damaged { .. } => None,
            Self::WrongType { .. } | Self::TooLarge { .. } => {
                Some("move it away and run the same command again".to_owned())
            }
            Self::ForeignOwner {
                path,
                owner,
                expected,
            } => Some(format!(
                "run it as user id {owner}, or check what is in it, then `chown -h {expected} {}`",
                path.display()
            )),
            Self::Shared { path, .. } => Some(format!(
                "check what is in it, then `chmod go-w {}`",
                path.display()
            )),
        }
    }
}

/// For readers that speak [`io::Error`]: the system's reason is one, and the rest is its sentence.
impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { source, .. } => source,
            other => Self::new(ErrorKind::InvalidInput, other),
        }
    }
}

/// Adds what was attempted to an [`io::Error`].
pub trait Attempt<T> {
    /// Names the operation (a verb: `read`) and the path.
    fn attempt(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, FileError>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, FileError> {
        self.map_err(|source| FileError::new(operation, path, source))
    }
}
