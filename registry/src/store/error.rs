//! What can go wrong with what is stored.

use bulla_files::FileError;

/// Why something could not be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StoreError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content does not have the digest that it was announced with.
    #[error("expected content with digest {expected}, found {found}")]
    Digest {
        /// The digest that was announced.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// No such upload, or it has ended.
    #[error("there is no such upload; it may have ended or timed out")]
    NoSuchUpload,
    /// Too many uploads at once.
    #[error("too many uploads at once")]
    TooManyUploads,
    /// The system gave no randomness.
    #[error("the system has no randomness")]
    Random(#[source] getrandom::Error),
}

impl StoreError {
    /// Tells whether the disk or the quota is full.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::File(error) if error.is_full())
    }
}
