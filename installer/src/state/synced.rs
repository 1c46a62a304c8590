//! When the log was last read from the registry.

use std::path::Path;

use bulla_schemas::Timestamp;

/// Notes that the log was read. Only people read it, and two projects may write it at once: a torn
/// line is as good as none, and a disk on which it cannot be written stops nothing.
pub(crate) fn write(path: &Path, now: Timestamp) {
    let _ = std::fs::write(path, format!("{now}\n"));
}

/// Returns when the log was last read; `None` when that is not known.
pub(crate) fn read(path: &Path) -> Option<Timestamp> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}
