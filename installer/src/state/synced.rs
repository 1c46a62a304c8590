//! When the log was last read from the registry.

use std::path::Path;

use bulla_schemas::Timestamp;

use super::error::StateError;
use crate::platform::files::{self, OnPath as _};

/// Notes that the log was read. Two projects may do so at once, and only people read it: a torn
/// line is as good as none.
pub(crate) fn write(path: &Path, now: Timestamp) -> Result<(), StateError> {
    Ok(std::fs::write(path, format!("{now}\n")).on("write", path)?)
}

/// Returns when the log was last read; `None` before the first time.
pub(crate) fn read(path: &Path) -> Result<Option<Timestamp>, StateError> {
    Ok(files::read(path)?.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok()))
}
