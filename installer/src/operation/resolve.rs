//! Which release to install: the verified log's word, and this server's memory as a second fence.

mod error;

use bulla_schemas::statement::{Action, Severity};
use bulla_schemas::{ChannelName, Digest, DigestPrefix, Name, ProjectName};
use bulla_trust::{Head, LogState, Promotion};

use crate::state::history::{ActivationAction, History, PromotionRecord};

pub use error::ResolveError;

/// A release that may be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) hash: Digest,
    /// Bytes of the manifest and all blobs it names.
    pub(crate) size: u64,
    pub(crate) promotion: PromotionRecord,
    /// Whether it is an earlier head.
    pub(crate) is_pinned: bool,
    /// What the history will call it.
    pub(crate) action: ActivationAction,
    /// What people said against it, short of forbidding it.
    pub(crate) warning: Option<String>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) project: &'a ProjectName,
    pub(crate) channel: &'a ChannelName,
    pub(crate) hash: Option<&'a DigestPrefix>,
    pub(crate) pin_old: bool,
}

/// Resolves the channel's head, or the earlier head that was asked for.
pub(crate) fn resolve(
    log: &LogState,
    asked: Asked<'_>,
    history: &History,
) -> Result<Resolved, ResolveError> {
    let Asked {
        project, channel, ..
    } = asked;
    let head = log
        .head(project, channel)
        .ok_or_else(|| ResolveError::NoHead {
            project: project.clone(),
            channel: channel.clone(),
            known: log
                .channels(project)
                .map(|head| head.channel.clone())
                .collect(),
        })?;
    if head.is_paused() {
        return Err(ResolveError::Paused {
            channel: channel.clone(),
            people: names(head),
            reason: head.reason.clone(),
        });
    }
    check_seq(head, history)?;
    let resolved = match asked.hash {
        Some(prefix) if !prefix.matches(&head.hash) => earlier_head(log, head, asked, prefix)?,
        _ => Resolved {
            hash: head.hash,
            size: head.size,
            promotion: of_head(head),
            is_pinned: false,
            action: if is_taken_back(log, head) {
                ActivationAction::Rollback
            } else {
                ActivationAction::Install
            },
            warning: None,
        },
    };
    let warning = check_revocation(log, project, &resolved.hash)?;
    Ok(Resolved {
        warning,
        ..resolved
    })
}

/// Resolves what the channel was rolled back to, for a server that waits for its head.
pub(crate) fn resolve_back(log: &LogState, to: &Head) -> Result<Resolved, ResolveError> {
    Ok(Resolved {
        hash: to.hash,
        size: to.size,
        promotion: of_head(to),
        is_pinned: false,
        action: ActivationAction::Rollback,
        warning: check_revocation(log, &to.project, &to.hash)?,
    })
}

/// Refuses a release that people forbade; returns their words when they only warned.
pub(crate) fn check_revocation(
    log: &LogState,
    project: &ProjectName,
    hash: &Digest,
) -> Result<Option<String>, ResolveError> {
    let Some(severity) = log.revocation(project, hash) else {
        return Ok(None);
    };
    let reason = log
        .revocations(project)
        .rfind(|revocation| revocation.hashes.contains(hash) && revocation.severity == severity)
        .map(|revocation| revocation.reason.clone())
        .unwrap_or_default();
    match severity {
        Severity::Block => Err(ResolveError::Revoked {
            hash: *hash,
            reason,
        }),
        Severity::Warn => Ok(Some(format!("people warn of {hash}: {reason}"))),
    }
}

/// Replay implies that the count only grows; this also notices a state that was put back.
fn check_seq(head: &Head, history: &History) -> Result<(), ResolveError> {
    match history.highest_seq(&head.channel) {
        Some(installed) if installed > head.seq => Err(ResolveError::SeqWentBack {
            channel: head.channel.clone(),
            installed,
            offered: head.seq,
        }),
        _ => Ok(()),
    }
}

fn earlier_head(
    log: &LogState,
    head: &Head,
    asked: Asked<'_>,
    prefix: &DigestPrefix,
) -> Result<Resolved, ResolveError> {
    let mut found: Option<&Promotion> = None;
    for promotion in log.promotions(asked.project) {
        let is_of_channel = promotion.channel == head.channel && !promotion.is_widening();
        if !is_of_channel || !prefix.matches(&promotion.hash) {
            continue;
        }
        if let Some(other) = found
            && other.hash != promotion.hash
        {
            return Err(ResolveError::AmbiguousHash {
                asked: prefix.clone(),
                first: other.hash,
                second: promotion.hash,
            });
        }
        found = Some(promotion);
    }
    let promotion = found.ok_or_else(|| ResolveError::NeverHead {
        asked: prefix.clone(),
        channel: head.channel.clone(),
        head: head.hash,
    })?;
    if !asked.pin_old {
        return Err(ResolveError::EarlierHead {
            hash: promotion.hash,
            channel: head.channel.clone(),
            head: head.hash,
        });
    }
    let size = log
        .release(asked.project, &promotion.hash)
        .map_or(0, |release| release.record().size);
    Ok(Resolved {
        hash: promotion.hash,
        size,
        promotion: of_promotion(promotion),
        is_pinned: true,
        action: ActivationAction::PinOld,
        warning: None,
    })
}

/// Tells whether the channel went back to its head. Going on after a pause with the same head is a
/// rollback in the log, and goes back to nothing.
fn is_taken_back(log: &LogState, head: &Head) -> bool {
    let promotions = log.promotions(&head.project);
    let of_channel = promotions.filter(|promotion| promotion.channel == head.channel);
    let (mut is_back, mut paused) = (false, None);
    for promotion in of_channel {
        match promotion.action {
            Action::Widen => {}
            Action::Pause => paused = Some(promotion.hash),
            Action::Rollback if paused.take() == Some(promotion.hash) => {}
            action => {
                paused = None;
                is_back = action == Action::Rollback;
            }
        }
    }
    is_back
}

fn of_head(head: &Head) -> PromotionRecord {
    PromotionRecord {
        channel: head.channel.clone(),
        seq: head.seq,
        entry: head.entry,
        people: head.people.clone(),
        reason: head.reason.clone(),
        issued_at: head.issued_at,
    }
}

pub(super) fn of_promotion(promotion: &Promotion) -> PromotionRecord {
    PromotionRecord {
        channel: promotion.channel.clone(),
        seq: promotion.seq,
        entry: promotion.entry,
        people: promotion.people.clone(),
        reason: promotion.reason.clone(),
        issued_at: promotion.issued_at,
    }
}

fn names(head: &Head) -> String {
    let people: Vec<_> = head.people.iter().map(Name::as_str).collect();
    people.join(", ")
}
