//! What witnesses say of a checkpoint: how many cosigned it, and as of when. A cosignature says that
//! at its time the witness knew of no other history of the log, and of no larger tree.
//!
//! Times come from outside, as arguments.

mod request;

use bulla_schemas::Timestamp;

use crate::note::{SignedNote, VerifierKey};
use crate::policy::CheckedPolicy;

pub use request::{ADD_CHECKPOINT, AddCheckpoint, MAX_REQUEST_SIZE, MOST_HASHES, SIZE_TYPE};

/// By how many seconds the clock of a witness may be ahead of the reader's. What says a later time
/// does not count: a witness whose clock went wrong would else make a log look fresh for years.
pub const MOST_AHEAD: i64 = 600;

/// Returns how many witnesses of a policy cosigned a checkpoint.
pub fn count(policy: &CheckedPolicy, note: &SignedNote) -> u32 {
    let keys = policy.witness_keys().iter();
    let found = keys.filter(|key| note.cosigned_at(key).is_some());
    u32::try_from(found.count()).unwrap_or(u32::MAX)
}

/// Tells whether as many witnesses cosigned a checkpoint as a policy asks for.
pub fn has_quorum(policy: &CheckedPolicy, note: &SignedNote) -> bool {
    count(policy, note) >= policy.policy().witnesses.quorum
}

/// Returns when a witness cosigned a checkpoint.
pub fn cosigned_at(key: &VerifierKey, note: &SignedNote) -> Option<Timestamp> {
    let seconds = i64::try_from(note.cosigned_at(key)?).ok()?;
    Timestamp::from_seconds(seconds).ok()
}

/// Returns the newest time that as many witnesses vouch for as the policy asks for: so many cosigned
/// the checkpoint then or later. Nothing where the policy asks for none. `now` is the latest time that
/// the reader has reason to believe in.
pub fn vouched_at(policy: &CheckedPolicy, note: &SignedNote, now: Timestamp) -> Option<Timestamp> {
    let quorum = usize::try_from(policy.policy().witnesses.quorum).ok()?;
    let latest = now.as_seconds().saturating_add(MOST_AHEAD);
    let keys = policy.witness_keys().iter();
    let mut times: Vec<_> = keys
        .filter_map(|key| cosigned_at(key, note))
        .filter(|time| time.as_seconds() <= latest)
        .collect();
    times.sort_unstable();
    times.into_iter().rev().nth(quorum.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Organisation, key, time, witness_line};
    use crate::{Checkpoint, SigningKey};

    const NAMES: [&str; 3] = ["one", "two", "three"];

    fn organisation(quorum: u32) -> Organisation {
        Organisation::with_policy(|policy| {
            policy.witnesses.keys = NAMES.iter().map(|name| witness_line(name)).collect();
            policy.witnesses.quorum = quorum;
        })
    }

    fn note(organisation: &Organisation, times: &[(&str, i64)]) -> SignedNote {
        let (_, mut note) = Checkpoint::parse(&organisation.checkpoint()).unwrap();
        for (name, seconds) in times {
            let key: SigningKey = key(name);
            note.cosign(name, &key, u64::try_from(*seconds).unwrap())
                .unwrap();
        }
        note
    }

    #[test]
    fn a_time_is_vouched_for_by_as_many_as_have_to() {
        let now = time(0).as_seconds();
        let times = [("one", now - 5), ("two", now - 90), ("three", now - 40)];
        for (quorum, ago) in [(0, None), (1, Some(5)), (2, Some(40)), (3, Some(90))] {
            let organisation = organisation(quorum);
            let policy = organisation.state.checked_policy().unwrap();
            let vouched = vouched_at(policy, &note(&organisation, &times), time(0));
            assert_eq!(vouched.map(|at| now - at.as_seconds()), ago, "{quorum}");
        }
        let organisation = organisation(2);
        let policy = organisation.state.checked_policy().unwrap();
        let few = note(&organisation, &times[..1]);
        assert_eq!(vouched_at(policy, &few, time(0)), None);
        assert!(!has_quorum(policy, &few));
        assert!(has_quorum(policy, &note(&organisation, &times[..2])));
    }

    #[test]
    fn a_time_far_ahead_does_not_count() {
        let now = time(0).as_seconds();
        let organisation = organisation(1);
        let policy = organisation.state.checked_policy().unwrap();
        for (ahead, counts) in [(MOST_AHEAD, true), (MOST_AHEAD + 1, false)] {
            let note = note(&organisation, &[("one", now + ahead), ("two", now - 7)]);
            let expected = if counts { now + ahead } else { now - 7 };
            let vouched = vouched_at(policy, &note, time(0)).unwrap();
            assert_eq!(vouched.as_seconds(), expected);
        }
        let only = note(&organisation, &[("one", now + MOST_AHEAD + 1)]);
        assert_eq!(vouched_at(policy, &only, time(0)), None);
    }
}
