//! The last attempt to make a release live, where it failed before the switch or could not begin. It
//! changed nothing, and so is no activation; `status` and the agent's report read it.

use bulla_schemas::outcome::FailureKind;
pub use bulla_schemas::report::server::FailedAttempt;

use super::history::Activation;
use super::json;
use crate::platform::files;
use crate::site::Site;

/// Returns the last attempt, where it failed.
pub(crate) fn read(site: &Site) -> Option<FailedAttempt> {
    json::read(&site.attempt()).ok().flatten()
}

/// Remembers that an activation failed before the switch.
pub(crate) fn failed(site: &Site, attempted: &Activation, kind: FailureKind, reason: String) {
    remember(
        site,
        FailedAttempt {
            hash: attempted.hash,
            entry: Some(attempted.promotion.entry),
            number: Some(attempted.number),
            kind,
            failed_at: attempted.activated_at,
            since: None,
            reason,
        },
    );
}

/// Remembers an attempt, and since when it fails in this way. One of an earlier promotion takes the
/// place of none of a later one: servers of later waves go by that.
pub(crate) fn remember(site: &Site, attempt: FailedAttempt) {
    let before = read(site);
    if before
        .as_ref()
        .is_some_and(|before| before.entry > attempt.entry)
    {
        return;
    }
    let is_same = |before: &FailedAttempt| {
        (before.hash, before.entry, before.kind) == (attempt.hash, attempt.entry, attempt.kind)
    };
    let before = before.filter(is_same);
    let since = before.map(|before| before.since.unwrap_or(before.failed_at));
    let _ = json::write(&site.attempt(), &FailedAttempt { since, ..attempt });
}

/// Has the agent try again at once: it sees that the file was written.
pub(crate) fn try_again(site: &Site, attempt: &FailedAttempt) {
    let _ = json::write(&site.attempt(), attempt);
}

/// Forgets it: a release was made live since. One that people went back to says nothing of a later one.
pub(crate) fn forget(site: &Site, activated: &Activation) {
    let entry = Some(activated.promotion.entry);
    let is_later = |attempt: FailedAttempt| attempt.hash != activated.hash && attempt.entry > entry;
    if !read(site).is_some_and(is_later) {
        let _ = files::remove(&site.attempt());
    }
}
