//! When the log was last read from the registry.

use bulla_schemas::Timestamp;

use super::unread;
use crate::platform::files;
use crate::site::Server;

/// Notes that the log was read. Only people read it: a disk on which it cannot be written stops nothing.
pub(crate) fn write(server: &Server, now: Timestamp) {
    let _ = files::write_later(&server.synced(), format!("{now}\n").as_bytes());
    unread::forget(server);
}

/// Returns when the log was last read; `None` when that is not known.
pub(crate) fn read(server: &Server) -> Option<Timestamp> {
    let text = files::read(&server.synced()).ok()??;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}
