//! When the log was last read from the registry.

use std::path::Path;

use bulla_schemas::Timestamp;

use crate::platform::files;

/// Notes that the log was read. Only people read it: a disk on which it cannot be written stops nothing.
pub(crate) fn write(path: &Path, now: Timestamp) {
    let _ = files::write_later(path, format!("{now}\n").as_bytes());
}

/// Returns when the log was last read; `None` when that is not known.
pub(crate) fn read(path: &Path) -> Option<Timestamp> {
    let text = files::read(path).ok()??;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}
