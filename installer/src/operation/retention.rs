//! Which releases stay on this disk, by the count, age and quota of the host file.

use std::collections::HashSet;

use bulla_schemas::{Digest, Timestamp};

use super::garbage;
use crate::config::{Age, Retention};
use crate::site::Site;
use crate::state::bundles;
use crate::state::history::History;
use crate::state::hold::Hold;

/// Returns the releases to keep once `live` is live.
pub(super) fn kept(
    site: &Site,
    (history, hold): (&History, Option<&Hold>),
    live: &Digest,
    retention: &Retention,
    now: Timestamp,
) -> HashSet<Digest> {
    kept_by((history, hold), live, retention, now, |hash| {
        bundles::bytes_in_files(site, hash).unwrap_or(0)
    })
}

fn kept_by(
    (history, hold): (&History, Option<&Hold>),
    live: &Digest,
    retention: &Retention,
    now: Timestamp,
    size: impl Fn(&Digest) -> u64,
) -> HashSet<Digest> {
    let needed: HashSet<Digest> = garbage::needed(history, live, hold).collect();
    let mut kept = garbage::kept(history, live, hold, retention.count);
    if let Some(age) = retention.age {
        kept.retain(|hash| needed.contains(hash) || !is_older(history, hash, age, now));
    }
    if let Some(quota) = retention.quota {
        let mut total: u64 = needed.iter().map(&size).fold(0, u64::saturating_add);
        let mut is_full = false;
        for hash in history.latest_first() {
            if needed.contains(&hash) || !kept.contains(&hash) {
                continue;
            }
            total = total.saturating_add(size(&hash));
            // What was live before one that does not fit does not stay either.
            is_full |= total > quota.bytes();
            if is_full {
                kept.remove(&hash);
            }
        }
    }
    kept
}

/// Tells whether a release was last live longer ago than `age`. A clock that went back makes nothing
/// old.
fn is_older(history: &History, hash: &Digest, age: Age, now: Timestamp) -> bool {
    let activations = history.activations();
    let last = activations
        .iter()
        .rposition(|activation| activation.hash == *hash);
    let left = last.and_then(|last| activations.get(last + 1));
    left.is_some_and(|next| {
        let seconds = now
            .as_seconds()
            .saturating_sub(next.activated_at.as_seconds());
        u64::try_from(seconds).is_ok_and(|seconds| seconds > age.as_duration().as_secs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::history::ActivationAction::Install;
    use crate::state::history::tests::history;

    const LIVE: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn of(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// What stays of five releases of a gigabyte each when `e` is live.
    fn kept_with(retention: Retention, days: i64) -> String {
        let history = history(&LIVE.map(|name| (Install, name)));
        let last = history.last().unwrap().activated_at.as_seconds();
        let now = Timestamp::from_seconds(last + days * 86_400).unwrap();
        let kept = kept_by((&history, None), &of("e"), &retention, now, |_| {
            1_000_000_000
        });
        LIVE.into_iter()
            .filter(|name| kept.contains(&of(name)))
            .collect()
    }

    #[test]
    fn a_quota_keeps_the_latest_that_fit_and_never_fewer_than_two() {
        let quota = |quota: &str| Retention {
            quota: Some(quota.parse().unwrap()),
            ..Retention::default()
        };
        assert_eq!(kept_with(quota("9GB"), 0), "abcde");
        assert_eq!(kept_with(quota("3GB"), 0), "cde");
        assert_eq!(kept_with(quota("2500MB"), 0), "de");
        assert_eq!(kept_with(quota("1MB"), 0), "de");
    }

    #[test]
    fn what_was_live_long_ago_goes_and_the_one_before_stays() {
        let age = Retention {
            age: Some("30d".parse().unwrap()),
            ..Retention::default()
        };
        assert_eq!(kept_with(age, 1), "abcde");
        assert_eq!(kept_with(age, 31), "de");
        // The clock went back.
        assert_eq!(kept_with(age, -4000), "abcde");
    }

    #[test]
    fn the_count_holds_beside_the_others() {
        let retention = Retention {
            count: 3,
            age: Some("30d".parse().unwrap()),
            quota: Some("9GB".parse().unwrap()),
        };
        assert_eq!(kept_with(retention, 1), "cde");
    }
}
