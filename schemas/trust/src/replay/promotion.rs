//! The rule for promotions: enough people, the channel's next number, a bundle that may go there,
//! and a word that matches the fact. A promotion may go in waves; a widening lets more of them go.

use bulla_schemas::policy::ChannelRule;
use bulla_schemas::statement::{Action, PromotionPredicate, PromotionStatement, Wave};
use bulla_schemas::{Digest, Name};

use super::entry::Entry;
use super::reason::{Reason, blocks};
use super::signers::Signed;
use super::tally::Tally;
use crate::policy::Owner;
use crate::state::{Effect, Head, LogState, Promotion};

pub(super) fn judge(
    entry: &Entry<'_>,
    signed: &Signed<'_>,
    promotion: &PromotionStatement,
) -> Result<Effect, Reason> {
    let rule = check_place(entry, signed, promotion)?;
    let may_sign = |owner: &Owner| signed.policy.may_promote(rule, owner);
    let what = || what(&promotion.predicate);
    let people = signed.quorum(may_sign, rule.threshold, what)?;
    effect(entry, rule, promotion, people)
}

/// Counts who of those who may has signed, of a promotion with which nothing else is wrong.
pub(super) fn tally(
    entry: &Entry<'_>,
    signed: &Signed<'_>,
    promotion: &PromotionStatement,
) -> Result<Tally, Reason> {
    let rule = check_place(entry, signed, promotion)?;
    let may_sign = |owner: &Owner| signed.policy.may_promote(rule, owner);
    let tally = signed.tally(may_sign, rule.threshold, what(&promotion.predicate));
    effect(entry, rule, promotion, tally.signed.clone())?;
    Ok(tally)
}

/// What its signers decide about.
fn what(predicate: &PromotionPredicate) -> String {
    format!("`{}` of `{}`", predicate.channel, predicate.project)
}

/// Checks what it is about and where it was signed, and returns the rule for the channel.
fn check_place<'a>(
    entry: &Entry<'_>,
    signed: &Signed<'a>,
    promotion: &PromotionStatement,
) -> Result<&'a ChannelRule, Reason> {
    let predicate = &promotion.predicate;
    let [subject] = &promotion.subject;
    let (project, channel) = (&predicate.project, &predicate.channel);
    if subject.name != *project {
        return Err(Reason::SubjectProject {
            project: project.clone(),
            subject: subject.name.clone(),
        });
    }
    entry.check_position(&predicate.log)?;
    let rule = signed.policy.channel_rule(project, channel);
    rule.ok_or_else(|| Reason::NobodyMay {
        project: project.clone(),
        channel: channel.clone(),
    })
}

/// Checks all the rest, and returns what comes of it when `people` signed.
fn effect(
    entry: &Entry<'_>,
    rule: &ChannelRule,
    promotion: &PromotionStatement,
    people: Vec<Name>,
) -> Result<Effect, Reason> {
    let predicate = &promotion.predicate;
    let [subject] = &promotion.subject;
    let (project, channel, hash) = (
        &predicate.project,
        &predicate.channel,
        subject.digest.sha256,
    );
    let head = entry.before.head(project, channel);
    check_order(predicate, head)?;
    check_fields(predicate)?;
    let mut up_to = None;
    let mut urgent = predicate.urgent.unwrap_or(is_urgent(predicate.action));
    match predicate.action {
        Action::Pause => check_pause(predicate, head, hash)?,
        Action::Widen => up_to = Some(check_widening(entry.before, predicate, head, hash)?),
        Action::Promote | Action::Rollback => {
            check_bundle(entry.before, predicate, rule, hash)?;
            check_move(entry.before, predicate, head, hash)?;
            // Going on keeps how the head reaches the servers.
            if let Some(head) = head.filter(|head| head.hash == hash) {
                urgent = head.rollout.urgent;
            }
        }
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
            waves: predicate.waves,
            urgent,
            up_to,
            payload: entry.payload_digest(),
        }),
    ))
}

/// The next number, after the last promotion: no replay, no lost update.
fn check_order(predicate: &PromotionPredicate, head: Option<&Head>) -> Result<(), Reason> {
    let expected = head.map_or(0, |head| head.last_seq) + 1;
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

/// Whether servers go past their maintenance windows when the statement does not say it: who rolls
/// back does not want to wait for the night.
const fn is_urgent(action: Action) -> bool {
    matches!(action, Action::Rollback)
}

/// Each action has fields of its own, and one that says nothing new is left out.
fn check_fields(predicate: &PromotionPredicate) -> Result<(), Reason> {
    let action = predicate.action;
    let misplaced = |field| Err(Reason::Misplaced { action, field });
    if predicate.waves.is_some() && action != Action::Promote {
        return misplaced("waves");
    }
    if predicate.up_to.is_some() && action != Action::Widen {
        return misplaced("upTo");
    }
    match predicate.urgent {
        Some(_) if matches!(action, Action::Pause | Action::Widen) => misplaced("urgent"),
        Some(urgent) if urgent == is_urgent(action) => Err(Reason::Default { action, urgent }),
        _ => Ok(()),
    }
}

/// A widening lets more waves have the head that is there, and takes none back.
fn check_widening(
    before: &LogState,
    predicate: &PromotionPredicate,
    head: Option<&Head>,
    hash: Digest,
) -> Result<Wave, Reason> {
    let channel = predicate.channel.clone();
    let Some(head) = head.filter(|head| head.hash == hash) else {
        return Err(Reason::WidenElsewhere { channel, hash });
    };
    if head.is_paused() {
        return Err(Reason::WidenPaused { channel });
    }
    if head.rollout.waves.is_none() {
        return Err(Reason::NoWaves { channel, hash });
    }
    if blocks(before.revocation(&predicate.project, &hash)) {
        return Err(Reason::Revoked { hash });
    }
    match predicate.up_to {
        Some(up_to) if up_to > head.rollout.open => Ok(up_to),
        found => Err(Reason::NotWider {
            channel,
            open: head.rollout.open,
            found,
        }),
    }
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
    if predicate.action != expected {
        return Err(Reason::Action {
            expected,
            found: predicate.action,
        });
    }
    // It goes on as it was promoted.
    if predicate.urgent.is_some() && head.is_some_and(|head| head.hash == hash) {
        return Err(Reason::Misplaced {
            action: expected,
            field: "urgent",
        });
    }
    Ok(())
}
