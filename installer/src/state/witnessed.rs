//! The latest time that enough witnesses vouched for the log, as this server ever saw.

use std::path::Path;

use bulla_schemas::Timestamp;

use crate::platform::files;

/// Notes a time. A disk that is full stops nothing: the checkpoint itself says when it was cosigned.
pub(crate) fn write(path: &Path, time: Timestamp) {
    let _ = files::write(path, format!("{time}\n").as_bytes());
}

/// Returns the time; `None` when that is not known.
pub(crate) fn read(path: &Path) -> Option<Timestamp> {
    let text = files::read(path).ok()??;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}
