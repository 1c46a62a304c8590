//! Why the threads of a pack stop.

use super::error::WriteError;

/// Why no bundle was made.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something that a person must know.
    Error(WriteError),
    /// The cache has lost what it was said to have; without it, all goes well.
    Forgotten,
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::Error(error)
    }
}

/// Something failed, or another thread panicked; the pool knows what.
#[derive(Debug)]
pub(super) struct Stopped;
