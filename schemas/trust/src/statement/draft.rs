//! Drafts: the statements that would take effect next, with the places that replay will check
//! filled in from a verified state.

use bulla_schemas::policy::Policy;
use bulla_schemas::statement::{
    Action, DigestSet, PROMOTION_TYPE, PromotionPredicate, PromotionStatement, REVOCATION_TYPE,
    RevocationPredicate, RevocationStatement, STATEMENT_TYPE, Severity, Subject, Wave,
};
use bulla_schemas::{ChannelName, Digest, ProjectName, Timestamp};

use crate::state::LogState;

/// Drafts the promotion that points a channel to a bundle. The action is the fact: `rollback`
/// when the channel pointed to it before.
pub fn promote(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    hash: Digest,
    reason: String,
    issued_at: Timestamp,
) -> PromotionStatement {
    let action = if state.was_head(project, channel, &hash) {
        Action::Rollback
    } else {
        Action::Promote
    };
    promotion(state, project, channel, (hash, action), reason, issued_at)
}

/// Drafts the promotion that stops installers at the present head; `None` when there is none.
pub fn pause(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    reason: String,
    issued_at: Timestamp,
) -> Option<PromotionStatement> {
    let to = (state.head(project, channel)?.hash, Action::Pause);
    Some(promotion(state, project, channel, to, reason, issued_at))
}

/// Drafts the promotion that lets the waves up to one have the present head; `None` when there is
/// none.
pub fn widen(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    up_to: Wave,
    reason: String,
    issued_at: Timestamp,
) -> Option<PromotionStatement> {
    let to = (state.head(project, channel)?.hash, Action::Widen);
    let mut widening = promotion(state, project, channel, to, reason, issued_at);
    widening.predicate.up_to = Some(up_to);
    Some(widening)
}

fn promotion(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    (hash, action): (Digest, Action),
    reason: String,
    issued_at: Timestamp,
) -> PromotionStatement {
    let head = state.head(project, channel);
    PromotionStatement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: [subject(project, hash)],
        predicate_type: PROMOTION_TYPE.to_owned(),
        predicate: PromotionPredicate {
            project: project.clone(),
            channel: channel.clone(),
            seq: head.map_or(0, |head| head.last_seq) + 1,
            prev: head.map_or(Digest::from_bytes([0; 32]), |head| head.payload),
            action,
            waves: None,
            urgent: None,
            up_to: None,
            log: state.position(),
            reason,
            issued_at,
        },
    }
}

/// Drafts a revocation of bundles of one project.
pub fn revoke(
    state: &LogState,
    project: &ProjectName,
    hashes: &[Digest],
    severity: Severity,
    reason: String,
    issued_at: Timestamp,
) -> RevocationStatement {
    RevocationStatement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: hashes.iter().map(|hash| subject(project, *hash)).collect(),
        predicate_type: REVOCATION_TYPE.to_owned(),
        predicate: RevocationPredicate {
            severity,
            reason,
            log: state.position(),
            issued_at,
        },
    }
}

/// Numbers a policy as the next one: version, `prev` and the place in the log. On an empty log
/// that is the first policy.
#[must_use]
pub fn policy_after(state: &LogState, policy: Policy) -> Policy {
    Policy {
        version: state.policy_version() + 1,
        prev: state.policy_payload(),
        log: state.position(),
        ..policy
    }
}

fn subject(project: &ProjectName, sha256: Digest) -> Subject {
    Subject {
        name: project.clone(),
        digest: DigestSet { sha256 },
    }
}
