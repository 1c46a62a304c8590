//! Where a registry may be served from: from one that is whole, as far as its files tell, or from a
//! folder in which nothing is, where a new one is made.

use std::fs;
use std::path::Path;

use bulla_files::{Attempt as _, FileError};

use super::{DataDirectory, DataError};

/// What may lie in a folder in which nothing is: that of a file system, and locks and marks of a first
/// start that was cut short. So may the file that it was writing.
const NOTHING: [&str; 6] = [
    "lost+found",
    "indexing",
    "lock",
    "keeping.lock",
    "content.lock",
    "registry.db.lock",
];

impl DataDirectory {
    /// Refuses a folder that has other things in it, or a registry of which something is lost that would
    /// be made anew.
    pub(crate) fn require_whole_or_empty(root: &Path) -> Result<(), DataError> {
        let path = std::path::absolute(root).attempt("resolve", root)?;
        if is_empty(&path)? {
            return Ok(());
        }
        match Self::require_with_database(&path) {
            Err(DataError::NoRegistry { path }) => Err(DataError::Occupied { path }),
            required => required,
        }
    }

    /// Refuses a folder without a registry, and a registry that has lost its database: another one would
    /// take its place.
    pub(crate) fn require_with_database(root: &Path) -> Result<(), DataError> {
        Self::require(root)?;
        let path = std::path::absolute(root).attempt("resolve", root)?;
        let data = Self { root: path.clone() };
        let has_log = bulla_files::has_file(&data.log().join("checkpoint"))?;
        let has_records = || Ok::<_, FileError>(!is_empty(&path.join("repositories"))?);
        if !data.has_database()? && (has_log || has_records()?) {
            return Err(DataError::IndexLost { path });
        }
        Ok(())
    }

    /// Tells whether the database is there. A file with nothing in it is none: SQLite has one before it
    /// makes the first table, and so has a disk that lost what was in it.
    pub(crate) fn has_database(&self) -> Result<bool, FileError> {
        let path = self.database();
        if !bulla_files::has_file(&path)? {
            return Ok(false);
        }
        Ok(fs::metadata(&path).attempt("look at", &path)?.len() > 0)
    }
}

/// Tells whether nothing is in a folder, or no folder there.
pub(super) fn is_empty(path: &Path) -> Result<bool, FileError> {
    if !bulla_files::has_directory(path)? {
        return Ok(true);
    }
    for entry in fs::read_dir(path).attempt("read", path)? {
        let name = entry.attempt("read", path)?.file_name();
        let is_nothing =
            bulla_files::is_temporary(&name) || NOTHING.iter().any(|nothing| name == *nothing);
        if !is_nothing {
            return Ok(false);
        }
    }
    Ok(true)
}
