//! Rollback: an earlier release becomes live again, from this disk, without network. It is the
//! same switch as an install, and leaves a hold that people see.

mod candidate;
mod error;

use bulla_schemas::{Digest, DigestPrefix, ProjectName, Timestamp};

use super::locked::LockedSite;
use super::resolve::{ResolveError, check_revocation};
use crate::failpoint::failpoint;
use crate::fetch::FollowedLog;
use crate::live::activation::activate;
use crate::live::current;
use crate::observer::Observer;
use crate::platform::files::FileError;
use crate::site::{Server, Site};
use crate::state::history::{Activation, ActivationAction, History};
use crate::state::hold::Hold;
use crate::state::journal::{Phase, Step};
use crate::state::record::TreeRecord;
use crate::tree::compare::quick;
use crate::tree::place;

pub use candidate::Candidate;
use candidate::candidates;
pub use error::RollbackError;

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
) -> Result<RolledBack, RollbackError> {
    let site = server.site(&request.project);
    let not_installed = || RollbackError::NotInstalled {
        project: request.project.clone(),
    };
    if !site.history().exists() {
        return Err(not_installed());
    }
    let locked = LockedSite::open(server, &request.project, "rollback", request.now, observer)?;
    let site = locked.site();
    let live = current::read(site)?.ok_or_else(not_installed)?;
    let history = History::read(&site.history())?;
    let followed = FollowedLog::open(server)?;
    let log = followed.state();

    let candidates = || candidates(site, &history, log, &live);
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
    check_tree(site, &target.hash, candidates)?;
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
        site,
        Step {
            phase: Phase::Switch,
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
    candidates: impl Fn() -> Result<Vec<Candidate>, FileError>,
) -> Result<&'a Activation, RollbackError> {
    let hash = match &request.hash {
        None => match history.before_live().first() {
            Some(hash) if hash != live => *hash,
            _ => {
                return Err(RollbackError::NothingBefore {
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
                    return Err(RollbackError::Resolve(ResolveError::AmbiguousHash {
                        asked: asked.clone(),
                        first,
                        second,
                    }));
                }
                (None, _) => {
                    return Err(RollbackError::NeverLive {
                        asked: asked.clone(),
                        candidates: candidates()?,
                    });
                }
            }
        }
    };
    history.last_of(&hash).ok_or(RollbackError::NothingBefore {
        candidates: Vec::new(),
    })
}

/// Looks whether the tree is there and as it was written; nothing is hashed.
fn check_tree(
    site: &Site,
    hash: &Digest,
    candidates: impl Fn() -> Result<Vec<Candidate>, FileError>,
) -> Result<(), RollbackError> {
    let tree = site.tree(hash);
    let record = TreeRecord::read(&site.record(hash), hash)?.filter(|_| tree.is_dir());
    let Some(record) = record else {
        return Err(RollbackError::TreeGone {
            hash: *hash,
            candidates: candidates()?,
        });
    };
    let changed = quick::changed(&record, &tree)?;
    if !changed.is_empty() {
        return Err(RollbackError::TreeChanged {
            hash: *hash,
            paths: changed,
        });
    }
    Ok(place::close_top(&tree)?)
}
