//! `mirror.json`: that a data directory is a mirror, of what, and of which projects it has content.

use std::path::Path;

use bulla_files::FileError;
use serde::{Deserialize, Serialize};

use super::{DataDirectory, DataError};

/// What `mirror.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MirrorNote {
    /// The address of the registry that is mirrored.
    pub(crate) origin: String,
    /// Patterns of the projects whose content is mirrored; of all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) projects: Vec<String>,
}

impl MirrorNote {
    /// Makes a data directory a mirror, or says of one what is mirrored from now on. The directory of
    /// a registry that has a log of its own is refused.
    pub(crate) fn begin(&self, data: &DataDirectory) -> Result<(), DataError> {
        let known = Self::read(data.root())?;
        if known.as_ref() == Some(self) {
            return Ok(());
        }
        let has_key = bulla_files::has_file(&data.log_key())?;
        let has_log = bulla_files::has_file(&data.log().join("checkpoint"))?;
        if known.is_none() && (has_key || has_log) {
            let path = data.root().to_owned();
            return Err(DataError::NoMirror { path });
        }
        Ok(bulla_files::write_json(&path(data.root()), self)?)
    }

    /// Reads what is said of a data directory; nothing where it is no mirror.
    pub(crate) fn read(root: &Path) -> Result<Option<Self>, FileError> {
        bulla_files::read_json(&path(root))
    }

    /// Writes the same of another data directory.
    pub(crate) fn write(&self, root: &Path) -> Result<(), FileError> {
        bulla_files::write_json(&path(root), self)
    }
}

impl DataDirectory {
    /// Refuses a folder that has other things in it than a mirror, and a mirror that has lost its
    /// database. A start that was cut short has left only the note.
    pub(crate) fn require_mirror_or_empty(root: &Path) -> Result<(), DataError> {
        if MirrorNote::read(root)?.is_none() {
            return Self::require_whole_or_empty(root);
        }
        match Self::require_with_database(root) {
            Err(DataError::NoRegistry { .. }) => Ok(()),
            required => required,
        }
    }

    /// Refuses a mirror, which has no key to write a log with.
    pub(crate) fn require_no_mirror(root: &Path) -> Result<(), DataError> {
        match MirrorNote::read(root)? {
            None => Ok(()),
            Some(MirrorNote { origin, .. }) => Err(DataError::Mirror {
                path: root.to_owned(),
                origin,
            }),
        }
    }
}

fn path(root: &Path) -> std::path::PathBuf {
    root.join("mirror.json")
}
