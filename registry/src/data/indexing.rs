//! `Indexing`: the mark of a process that writes records and then their rows. Where it was killed between
//! the two, the mark is there at the next start, which looks for such records.

use std::path::PathBuf;

use bulla_files::FileError;

/// The file `indexing`.
#[derive(Debug)]
pub(crate) struct Indexing(PathBuf);

impl Indexing {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Sets the mark, and tells whether another process has left it.
    pub(crate) fn begin(&self) -> Result<bool, FileError> {
        let was_left = bulla_files::has_file(&self.0)?;
        if !was_left {
            bulla_files::write(&self.0, b"")?;
        }
        Ok(was_left)
    }

    /// Removes it: every record has its row.
    pub(crate) fn end(&self) -> Result<(), FileError> {
        bulla_files::remove(&self.0).map(drop)
    }
}
