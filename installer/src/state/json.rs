//! A small JSON file that is replaced as a whole.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StateError;
use crate::platform::files;

/// Reads a file that may not be there.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    files::read(path)?
        .map(|bytes| {
            serde_json::from_slice(&bytes).map_err(|source| StateError::Damaged {
                path: path.to_owned(),
                line: 1,
                source,
            })
        })
        .transpose()
}

/// Replaces a file; after a crash the old or the new one is there.
pub(super) fn write(path: &Path, value: &impl Serialize) -> Result<(), StateError> {
    let bytes = serde_json::to_vec(value).map_err(StateError::Unwritable)?;
    Ok(files::write(path, &bytes)?)
}
