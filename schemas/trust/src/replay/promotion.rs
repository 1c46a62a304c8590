//! The rule for promotions: enough people, the channel's next number, a bundle that may go there,
//! and a word that matches the fact.

use bulla_schemas::Digest;
use bulla_schemas::policy::ChannelRule;
use bulla_schemas::statement::{Action, PromotionPredicate, PromotionStatement};

use super::entry::Entry;
use super::reason::{Reason, blocks};
use super::signers::Signed;
use crate::policy::Owner;
use crate::state::{Effect, Head, LogState, Promotion};

pub(super) fn judge(
    entry: &Entry<'_>,
    signed: &Signed<'_>,
    promotion: &PromotionStatement,
) -> Result<Effect, Reason> {
    let predicate = &promotion.predicate;
    let [subject] = &promotion.subject;
    let (project, channel, hash) = (
        &predicate.project,
        &predicate.channel,
        subject.digest.sha256,
    );
    if subject.name != *project {
        return Err(Reason::SubjectProject {
            project: project.clone(),
            subject: subject.name.clone(),
        });
    }
    entry.check_position(&predicate.log)?;
    let policy = signed.policy;
    let rule = policy
        .channel_rule(project, channel)
        .ok_or_else(|| Reason::NobodyMay {
            project: project.clone(),
            channel: channel.clone(),
        })?;
    let may_sign = |owner: &Owner| policy.may_promote(rule, owner);
    let what = || format!("`{channel}` of `{project}`");
    let people = signed.quorum(may_sign, rule.threshold, what)?;
    let head = entry.before.head(project, channel);
    check_order(predicate, head)?;
    if predicate.action == Action::Pause {
        check_pause(predicate, head, hash)?;
    } else {
        check_bundle(entry.before, predicate, rule, hash)?;
        check_move(entry.before, predicate, head, hash)?;
    }
    Ok(Effect::Promotion(
        project.clone(),
        Box::new(Promotion {
            entry: entry.index,
            channel: channel.clone(),
            seq: predicate.seq,
            action: predicate.action,
            hash,
            people,
            reason: predicate.reason.clone(),
            issued_at: predicate.issued_at,
            payload: entry.payload_digest(),
        }),
    ))
}

/// The next number, after the last promotion: no replay, no lost update.
fn check_order(predicate: &PromotionPredicate, head: Option<&Head>) -> Result<(), Reason> {
    let expected = head.map_or(0, |head| head.seq) + 1;
    if predicate.seq != expected {
        return Err(Reason::Sequence {
            channel: predicate.channel.clone(),
            expected,
            found: predicate.seq,
        });
    }
    if predicate.prev != head.map_or(Digest::from_bytes([0; 32]), |head| head.payload) {
        return Err(Reason::Previous {
            channel: predicate.channel.clone(),
        });
    }
    Ok(())
}

/// A pause keeps the head, whatever became of the bundle: stopping is always allowed.
fn check_pause(
    predicate: &PromotionPredicate,
    head: Option<&Head>,
    hash: Digest,
) -> Result<(), Reason> {
    let channel = predicate.channel.clone();
    match head {
        Some(head) if head.hash == hash && head.is_paused() => {
            Err(Reason::NoChange { channel, hash })
        }
        Some(head) if head.hash == hash => Ok(()),
        _ => Err(Reason::PauseElsewhere { channel, hash }),
    }
}

fn check_bundle(
    before: &LogState,
    predicate: &PromotionPredicate,
    rule: &ChannelRule,
    hash: Digest,
) -> Result<(), Reason> {
    let project = &predicate.project;
    let Some(release) = before.release(project, &hash) else {
        return Err(Reason::NotReleased {
            project: project.clone(),
            hash,
        });
    };
    if release.is_dirty() {
        return Err(Reason::Dirty { hash });
    }
    if blocks(before.revocation(project, &hash)) {
        return Err(Reason::Revoked { hash });
    }
    match &rule.via {
        Some(via) if !before.was_head(project, via, &hash) => Err(Reason::Via {
            hash,
            channel: predicate.channel.clone(),
            via: via.clone(),
        }),
        _ => Ok(()),
    }
}

/// The word must say what happens, so that a roll-back is never silent. Going on after a pause
/// points to an earlier head again and is a `rollback` too.
fn check_move(
    before: &LogState,
    predicate: &PromotionPredicate,
    head: Option<&Head>,
    hash: Digest,
) -> Result<(), Reason> {
    let (project, channel) = (&predicate.project, &predicate.channel);
    if head.is_some_and(|head| head.hash == hash && !head.is_paused()) {
        return Err(Reason::NoChange {
            channel: channel.clone(),
            hash,
        });
    }
    let expected = if before.was_head(project, channel, &hash) {
        Action::Rollback
    } else {
        Action::Promote
    };
    if predicate.action == expected {
        Ok(())
    } else {
        Err(Reason::Action {
            expected,
            found: predicate.action,
        })
    }
}
