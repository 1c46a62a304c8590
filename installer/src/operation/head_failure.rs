//! How the head of a channel failed on this server, as its state tells: what `status` shows, and what
//! servers of later waves wait for. A person who lets it be tried again has not proved that it works:
//! it stands until the release was live here and did not fail, or the channel moves.

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, Timestamp};
use bulla_trust::{Head, LogState};

use crate::site::Site;
use crate::state::history::History;
use crate::state::{FailedAttempt, Quarantined, attempt};

/// Why the head is not live here, or is and does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeadFailure {
    pub(crate) kind: FailureKind,
    pub(crate) reason: String,
    /// Since when that is so, by this server's clock.
    pub(crate) at: Timestamp,
}

/// Returns it, the newest first: the last `attempt`, which changed nothing, what the history says, and
/// what the quarantine does, since a history can be lost.
pub(crate) fn of_head(
    head: &Head,
    attempt: Option<&FailedAttempt>,
    (history, quarantine): (&History, &[Quarantined]),
) -> Option<HeadFailure> {
    let attempted = || Some(of_attempt(attempt.filter(|one| is_of(one, head))?));
    let activated = || {
        let failed = history.failure_of(&head.hash, head.entry)?;
        Some(HeadFailure {
            kind: FailureKind::RolledBack,
            reason: failed
                .failure
                .clone()
                .unwrap_or_else(|| "it failed".to_owned()),
            at: failed.failed_at.unwrap_or(failed.activated_at),
        })
    };
    let quarantined = || {
        let mut quarantine = quarantine.iter();
        let failed = quarantine.find(|one| one.hash == head.hash && head.entry <= one.entry)?;
        Some(HeadFailure {
            kind: FailureKind::RolledBack,
            reason: failed.reason.clone(),
            at: failed.failed_at,
        })
    };
    attempted().or_else(activated).or_else(quarantined)
}

/// Returns the last attempt to make the head live, where it failed and is not over. One that people
/// revoked needs none.
pub(crate) fn attempt_at(
    site: &Site,
    (log, head): (&LogState, &Head),
    live: Option<Digest>,
) -> Option<FailedAttempt> {
    if live == Some(head.hash) {
        return None;
    }
    revoked(log, head).or_else(|| attempt::read(site).filter(|attempt| is_of(attempt, head)))
}

fn is_of(attempt: &FailedAttempt, head: &Head) -> bool {
    attempt.hash == head.hash && attempt.entry.is_none_or(|entry| head.entry <= entry)
}

fn revoked(log: &LogState, head: &Head) -> Option<FailedAttempt> {
    let mut revocations = log.revocations(&head.project);
    let revocation = revocations
        .rfind(|one| one.severity == Severity::Block && one.hashes.contains(&head.hash))?;
    Some(FailedAttempt {
        hash: head.hash,
        entry: Some(head.entry),
        number: None,
        kind: FailureKind::Refused,
        failed_at: revocation.issued_at,
        since: None,
        reason: format!("people revoked it: {}", revocation.reason),
    })
}

fn of_attempt(attempt: &FailedAttempt) -> HeadFailure {
    HeadFailure {
        kind: attempt.kind,
        at: attempt.since.unwrap_or(attempt.failed_at),
        reason: attempt.reason.clone(),
    }
}
