//! `backup.json`: that a data directory is a backup, of what, and since when it is a complete one.

use std::path::{Path, PathBuf};

use bulla_files::{Attempt as _, FileError};
use bulla_schemas::Timestamp;
use serde::{Deserialize, Serialize};

use super::beginning::is_empty;
use super::{DataDirectory, DataError};

/// What `backup.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupNote {
    /// The data directory, for people.
    of: PathBuf,
    /// When the last backup began that came to its end; nothing before the first did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
}

impl BackupNote {
    /// Opens the folder for a backup of the data directory `of`: one in which nothing is, or a backup.
    pub(crate) fn begin(path: &Path, of: &Path) -> Result<(DataDirectory, Self), DataError> {
        let path = std::path::absolute(path).attempt("resolve", path)?;
        require_apart(&path, of)?;
        let known = Self::read(&path)?;
        if known.is_none() && !is_empty(&path)? {
            return Err(DataError::NotEmpty { path });
        }
        let data = DataDirectory::open(&path)?;
        let note = known.unwrap_or_else(|| Self {
            of: of.to_owned(),
            at: None,
        });
        note.write(&data)?;
        Ok((data, note))
    }

    /// Reads what is said of a folder; nothing where it is no backup.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, FileError> {
        bulla_files::read_json(&path.join("backup.json"))
    }

    /// Notes that all is there as of some time.
    pub(crate) fn complete(
        &mut self,
        data: &DataDirectory,
        at: Timestamp,
    ) -> Result<(), FileError> {
        self.at = Some(at);
        self.write(data)
    }

    fn write(&self, data: &DataDirectory) -> Result<(), FileError> {
        bulla_files::write_json(&data.root.join("backup.json"), self)
    }
}

/// Refuses a folder inside the other one, or around it.
pub(super) fn require_apart(path: &Path, other: &Path) -> Result<(), DataError> {
    let (path, other) = (real(path), real(other));
    if path.starts_with(&other) || other.starts_with(&path) {
        return Err(DataError::Nested { path, other });
    }
    Ok(())
}

/// Returns where a path leads that may not be there yet.
fn real(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for above in path.ancestors() {
        if let Ok(real) = above.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(real, |path, name| path.join(name));
        }
        missing.extend(above.file_name());
    }
    path.to_owned()
}
