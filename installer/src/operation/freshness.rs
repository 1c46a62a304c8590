//! How fresh the log is: when witnesses last vouched for it, against how old that may be for a channel.
//! Only what is new is refused; what is live stays, and what is on this disk can be gone back to.
//!
//! ```text
//! now = max(this server's clock, the latest time that enough witnesses ever vouched for)
//! ```
//!
//! So a clock that was set back, or an old disk image, makes nothing fresh again.

use bulla_schemas::report::server::Stale;
use bulla_schemas::{ChannelName, Timestamp};
use bulla_trust::{Checkpoint, LogState, witness};

use crate::fetch::log::checkpoint_in;
use crate::site::Site;
use crate::state::witnessed;

/// Returns how old what is known of a log is, where that is older than the channel of a project
/// takes. `note` is the newest checkpoint, which may not be on the disk yet.
pub(super) fn stale(
    site: &Site,
    channel: &ChannelName,
    log: &LogState,
    note: Option<&[u8]>,
    now: Timestamp,
) -> Option<Stale> {
    let policy = log.checked_policy()?;
    let max_age = policy.channel_rule(site.project(), channel)?.max_age?;
    let latest = witnessed::read(site.witnessed());
    let now = latest.map_or(now, |latest| latest.max(now));
    let on_disk = || checkpoint_in(site.log());
    let note = note.map(<[u8]>::to_vec).or_else(on_disk);
    let vouched = note.and_then(|note| {
        let (checkpoint, note) = Checkpoint::parse(&note).ok()?;
        let is_known = log.root_at(checkpoint.size) == Some(checkpoint.root);
        let is_newest = checkpoint.size == log.size() && is_known;
        is_newest.then(|| witness::vouched_at(policy, &note, now))?
    });
    if vouched > latest
        && let Some(vouched) = vouched
    {
        witnessed::write(site.witnessed(), vouched);
    }
    let limit = i64::try_from(max_age).unwrap_or(i64::MAX);
    let is_fresh =
        vouched.is_some_and(|at| now.as_seconds().saturating_sub(at.as_seconds()) <= limit);
    (!is_fresh).then_some(Stale {
        witnessed_at: vouched,
        now,
        max_age,
        quorum: policy.policy().witnesses.quorum,
    })
}
