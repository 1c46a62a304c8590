//! `Ballast`: room on the disk that is given back when it is full. To remove something, rows and records
//! are written first, and a disk that others have filled leaves no room for these.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use bulla_files::{Attempt as _, FileError};
use rustix::fs::{FallocateFlags, fallocate};

/// A file of the data directory with nothing in it.
#[derive(Debug, Clone)]
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    /// How many bytes it takes: more than what SQLite writes before it makes room itself.
    pub(crate) const SIZE: u64 = 8 << 20;

    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Takes the room, unless it has it.
    pub(crate) fn take(&self) -> Result<(), FileError> {
        let path = &self.0;
        if path.try_exists().attempt("look at", path)? {
            return Ok(());
        }
        let file = File::create_new(path).attempt("create", path)?;
        let taken =
            fallocate(&file, FallocateFlags::empty(), 0, Self::SIZE).map_err(io::Error::from);
        if let Err(error) = taken {
            bulla_files::remove(path)?;
            return Err(error).attempt("take room for", path);
        }
        Ok(())
    }

    /// Gives the room back, and tells whether it had it.
    pub(crate) fn give(&self) -> Result<bool, FileError> {
        bulla_files::remove(&self.0)
    }
}
