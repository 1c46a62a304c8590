//! A small JSON file that is replaced as a whole, and the format that all of the state has.
//!
//! A document says its format in `format`; without it, that is 1. Fields that an older installer may
//! pass over need no other one. What it must not pass over, such as another kind of hold, does: the
//! older one then changes nothing of that project.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::StateError;
use crate::platform::files;

/// The newest format that is understood.
const FORMAT: u64 = 1;

#[derive(Deserialize)]
struct Marked {
    #[serde(default)]
    format: u64,
}

/// Reads a file that may not be there.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    files::read(path)?
        .map(|bytes| {
            require_known(path, &bytes)?;
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

/// Refuses files that a newer installer wrote in a format of its own, whatever else is wrong with
/// them.
pub(crate) fn refuse_newer(paths: &[PathBuf]) -> Result<(), StateError> {
    for path in paths {
        let bytes = files::read(path).ok().flatten().unwrap_or_default();
        for line in bytes.split(|byte| *byte == b'\n') {
            require_known(path, line)?;
        }
    }
    Ok(())
}

fn require_known(path: &Path, document: &[u8]) -> Result<(), StateError> {
    match serde_json::from_slice(document) {
        Ok(Marked { format }) if format > FORMAT => Err(StateError::Newer {
            path: path.to_owned(),
            format,
            known: FORMAT,
        }),
        _ => Ok(()),
    }
}
