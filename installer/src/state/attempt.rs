//! The last attempt to make a release live, where it failed before the switch. It changed nothing,
//! and so is no activation; only `status` reads it.

pub use bulla_schemas::report::server::FailedAttempt;

use super::history::Activation;
use super::json;
use crate::platform::files;
use crate::site::Site;

/// Returns the last attempt, where it failed.
pub(crate) fn read(site: &Site) -> Option<FailedAttempt> {
    json::read(&site.attempt()).ok().flatten()
}

/// Remembers that an attempt failed.
pub(crate) fn failed(site: &Site, attempted: &Activation, reason: String) {
    let attempt = FailedAttempt {
        hash: attempted.hash,
        number: attempted.number,
        failed_at: attempted.activated_at,
        reason,
    };
    let _ = json::write(&site.attempt(), &attempt);
}

/// Forgets it: a release was made live since.
pub(crate) fn forget(site: &Site) {
    let _ = files::remove(&site.attempt());
}
