//! Since when the agent asks for the log in vain; there until anybody on this server has read it.

use bulla_schemas::Timestamp;
use bulla_schemas::report::server::Unread;

use super::json;
use crate::platform::files;
use crate::site::Server;

/// Returns what keeps the agent from reading the log.
pub(crate) fn read(server: &Server) -> Option<Unread> {
    json::read(&server.unread()).ok().flatten()
}

/// Notes that the agent asked in vain. Only people read it: a disk that is full stops nothing.
pub(crate) fn note(server: &Server, now: Timestamp, reason: String) {
    let known = read(server);
    let unread = Unread {
        since: known.as_ref().map_or(now, |known| known.since),
        times: known.map_or(0, |known| known.times).saturating_add(1),
        last_at: now,
        reason,
    };
    let _ = json::write(&server.unread(), &unread);
}

/// Forgets it: the log was read.
pub(super) fn forget(server: &Server) {
    let _ = files::remove(&server.unread());
}
