//! The mark of a server that may be out of its load balancer: there from before the command that
//! takes it out until the one that puts it back has succeeded.

use std::fs;
use std::time::UNIX_EPOCH;

use bulla_schemas::Timestamp;
pub use bulla_schemas::report::server::Drained;

use super::error::StateError;
use super::json;
use crate::platform::files::{self, FileError};
use crate::site::Site;

/// Tells whether the server may be out, and since when. That it may is never forgotten: of a mark
/// that cannot be understood, the time of the file counts.
pub(crate) fn read(site: &Site) -> Option<Drained> {
    let path = site.drained();
    if let Ok(Some(drained)) = json::read(&path) {
        return Some(drained);
    }
    let since = fs::symlink_metadata(&path).ok()?.modified().ok();
    let since = since.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let since = since.and_then(|time| i64::try_from(time.as_secs()).ok());
    Some(Drained {
        since: since
            .and_then(|seconds| Timestamp::from_seconds(seconds).ok())
            .unwrap_or(Timestamp::EPOCH),
        reason: None,
    })
}

/// Marks the server before it is taken out.
pub(crate) fn begin(site: &Site, now: Timestamp) -> Result<(), StateError> {
    let since = read(site).map_or(now, |known| known.since);
    let reason = None;
    json::write(&site.drained(), &Drained { since, reason })
}

/// Remembers why a marked server is not put back. A disk that is full stops nothing: the mark is
/// there.
pub(crate) fn explain(site: &Site, reason: &str) {
    if let Some(known) = read(site)
        && known.reason.as_deref() != Some(reason)
    {
        let reason = Some(reason.to_owned());
        let _ = json::write(&site.drained(), &Drained { reason, ..known });
    }
}

/// Removes the mark of a server that is back.
pub(crate) fn end(site: &Site) -> Result<(), FileError> {
    files::remove(&site.drained()).map(drop)
}
