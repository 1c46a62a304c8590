//! Rollback: an earlier release becomes live again, from this disk, without network. It is the
//! same switch as an install, and leaves a hold that people see.

use bulla_schemas::statement::Severity;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName, Timestamp};
use bulla_trust::LogState;
use serde::Serialize;

use crate::activate::activate;
use crate::current;
use crate::error::Error;
use crate::failpoint::failpoint;
use crate::garbage;
use crate::history::{Activation, ActivationAction, History};
use crate::hold::Hold;
use crate::install::{Observer, begin, close_top};
use crate::journal::Step;
use crate::layout::{Place, Server};
use crate::record::TreeRecord;
use crate::remote;
use crate::resolve::check_revocation;
use crate::verify;

/// What to go back to.
#[derive(Debug, Clone)]
pub struct RollbackRequest {
    /// The project.
    pub project: ProjectName,
    /// The release; without it the one before the live one.
    pub hash: Option<DigestPrefix>,
    /// The time.
    pub now: Timestamp,
}

/// A release that was live here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The release.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// The channel that it came by.
    pub channel: ChannelName,
    /// When it was last activated.
    pub activated_at: Timestamp,
    /// Whether its tree is on this disk.
    pub on_disk: bool,
    /// What people said against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Severity>,
}

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The release that is live.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// The release that was left; the same when nothing had to be done.
    pub left: Digest,
}

/// Makes an earlier release live again.
pub fn rollback(
    server: &Server,
    request: &RollbackRequest,
    observer: &dyn Observer,
) -> Result<RolledBack, Error> {
    let place = server.place(&request.project);
    let not_installed = || Error::NotInstalled {
        project: request.project.clone(),
    };
    if !place.history().exists() {
        return Err(not_installed());
    }
    let _lock = begin(&place, "rollback", request.now, observer)?;
    failpoint!("rollback::locked");
    let live = current::read(&place)?.ok_or_else(not_installed)?;
    let history = History::read(&place.history())?;
    let follower = remote::remembered(server)?.ok_or_else(|| remote::not_enrolled(server))?;
    let log = follower.state();

    let candidates = || candidates(&place, &history, log, &live);
    let target = choose(request, &history, &live, candidates)?;
    if let Some(warning) = check_revocation(log, &request.project, &target.hash)? {
        observer.note(&warning);
    }
    if target.hash == live {
        return Ok(RolledBack {
            hash: live,
            revision: target.revision.clone(),
            left: live,
        });
    }
    check_tree(&place, &target.hash, candidates)?;
    failpoint!("rollback::checked");
    let activation = Activation {
        number: history.next_number(),
        action: ActivationAction::Rollback,
        from: Some(live),
        activated_at: request.now,
        log: log.position(),
        ..target.clone()
    };
    let hold = Hold {
        hash: target.hash,
        left: live,
        since: request.now,
    };
    activate(
        &place,
        &Step {
            activation,
            hold: Some(hold),
        },
    )?;
    Ok(RolledBack {
        hash: target.hash,
        revision: target.revision.clone(),
        left: live,
    })
}

/// Chooses the activation to go back to: the one before, or the one that was asked for.
fn choose<'a>(
    request: &RollbackRequest,
    history: &'a History,
    live: &Digest,
    candidates: impl Fn() -> Result<Vec<Candidate>, Error>,
) -> Result<&'a Activation, Error> {
    let hash = match &request.hash {
        None => match history.before_live().first() {
            Some(hash) if hash != live => *hash,
            _ => {
                return Err(Error::NothingBefore {
                    candidates: candidates()?,
                });
            }
        },
        Some(asked) => {
            let known = history.latest_first();
            let mut matching = known.into_iter().filter(|hash| asked.matches(hash));
            match (matching.next(), matching.next()) {
                (Some(hash), None) => hash,
                (Some(first), Some(second)) => {
                    return Err(Error::AmbiguousHash {
                        asked: asked.clone(),
                        first,
                        second,
                    });
                }
                (None, _) => {
                    return Err(Error::NeverLive {
                        asked: asked.clone(),
                        candidates: candidates()?,
                    });
                }
            }
        }
    };
    history.last_of(&hash).ok_or(Error::NothingBefore {
        candidates: Vec::new(),
    })
}

/// Looks whether the tree is there and as it was written; nothing is hashed.
fn check_tree(
    place: &Place,
    hash: &Digest,
    candidates: impl Fn() -> Result<Vec<Candidate>, Error>,
) -> Result<(), Error> {
    let tree = place.tree(hash);
    let record = TreeRecord::read(&place.record(hash), hash)?.filter(|_| tree.is_dir());
    let Some(record) = record else {
        return Err(Error::TreeGone {
            hash: *hash,
            candidates: candidates()?,
        });
    };
    let changed = verify::changed(&record, &tree)?;
    if !changed.is_empty() {
        return Err(Error::TreeChanged {
            hash: *hash,
            paths: changed,
        });
    }
    close_top(&tree)
}

/// Lists what was live here, the latest first, but for what is live now.
fn candidates(
    place: &Place,
    history: &History,
    log: &LogState,
    live: &Digest,
) -> Result<Vec<Candidate>, Error> {
    let on_disk = garbage::on_disk(place)?;
    Ok(history
        .latest_first()
        .into_iter()
        .filter(|hash| hash != live)
        .filter_map(|hash| history.last_of(&hash))
        .map(|activation| Candidate {
            hash: activation.hash,
            revision: activation.revision.clone(),
            channel: activation.promotion.channel.clone(),
            activated_at: activation.activated_at,
            on_disk: on_disk.contains(&activation.hash),
            revoked: log.revocation(&place.project, &activation.hash),
        })
        .collect())
}
