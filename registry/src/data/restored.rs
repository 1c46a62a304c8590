//! A data directory that something is restored into: `restoring` lies there until all of it is in place,
//! and nothing else is done with it meanwhile.

use std::path::Path;

use bulla_files::{Attempt as _, FileError};

use super::backup::require_apart;
use super::beginning::is_empty;
use super::{DataDirectory, DataError};

impl DataDirectory {
    /// Opens a folder to restore `from` into: one in which nothing is, or only what an earlier try has
    /// left.
    pub(crate) fn begin_restore(path: &Path, from: &Path) -> Result<Self, DataError> {
        let path = std::path::absolute(path).attempt("resolve", path)?;
        require_apart(&path, from)?;
        let mark = path.join(MARK);
        if !bulla_files::has_file(&mark)? {
            if !is_empty(&path)? {
                return Err(DataError::NotEmpty { path });
            }
            Self::open(&path)?;
            bulla_files::write(&mark, b"")?;
        }
        Self::open(&path)
    }

    /// All is in place.
    pub(crate) fn end_restore(&self) -> Result<(), FileError> {
        bulla_files::remove(&self.root.join(MARK)).map(drop)
    }

    /// Tells whether something is being restored here, or that was not ended.
    pub(super) fn is_restoring(&self) -> Result<bool, FileError> {
        bulla_files::has_file(&self.root.join(MARK))
    }
}

const MARK: &str = "restoring";
