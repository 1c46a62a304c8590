//! Rollback: an earlier release becomes live again, from this disk, without network. It is the
//! same switch as an install, and leaves a hold that people see.

mod candidate;
mod error;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::{Digest, DigestPrefix, ProjectName, Timestamp};

use super::edits;
use super::locked::LockedSite;
use super::persistent;
use super::resolve::{ResolveError, check_revocation};
use super::write::{WriteError, Writing};
use crate::drift::examine::{Depth, examine};
use crate::failpoint::failpoint;
use crate::fetch::FollowedLog;
use crate::live::activation::activate;
use crate::live::current;
use crate::observer::Observer;
use crate::platform::files::FileError;
use crate::site::{Server, Site};
use crate::state::bundles;
use crate::state::history::{Activation, ActivationAction, History};
use crate::state::hold::Hold;
use crate::state::journal::{Phase, Step};
use crate::tree::{Difference, Link};

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
    /// Who asks for it on this server.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// How many threads write files, where the tree has to be repaired.
    pub threads: NonZeroUsize,
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
    Target {
        server,
        site,
        activation: target,
        history: &history,
        live,
        request,
        observer,
    }
    .make_tree(candidates)?;
    // It was only repaired, where that was needed.
    if target.hash == live {
        return Ok(RolledBack {
            hash: live,
            revision: target.revision.clone(),
            left: live,
        });
    }
    edits::say(site, &live, observer);
    failpoint!("rollback::checked");
    let activation = Activation {
        number: history.next_number(),
        action: ActivationAction::Rollback,
        from: Some(live),
        activated_at: request.now,
        log: log.position(),
        by: Some(request.by.clone()),
        reason: request.reason.clone(),
        ..target.clone()
    };
    let hold = Hold {
        hash: target.hash,
        left: live,
        since: request.now,
        by: Some(request.by.clone()),
        reason: request.reason.clone(),
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
                    project: request.project.clone(),
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
        project: request.project.clone(),
        candidates: Vec::new(),
    })
}

/// What a target's tree is looked for and made with.
struct Target<'a> {
    server: &'a Server,
    site: &'a Site,
    activation: &'a Activation,
    history: &'a History,
    live: Digest,
    request: &'a RollbackRequest,
    observer: &'a dyn Observer,
}

impl Target<'_> {
    /// Makes sure that the tree is there and what was installed. Where it is not, it is made again
    /// of what is on this disk, and the changed one is set aside.
    fn make_tree(
        &self,
        candidates: impl Fn() -> Result<Vec<Candidate>, FileError>,
    ) -> Result<(), RollbackError> {
        let hash = self.activation.hash;
        // Without what is kept of the release, the tree alone is what there is.
        if let Ok(Some((parts, _))) = bundles::read_parts(self.site, &hash) {
            persistent::prepare_to_return(self.site, &parts.release().install, self.observer);
        }
        let found = examine(self.site, &hash, Depth::Quick)?;
        let differences = match &found {
            Some(found) if found.differences.is_empty() => {
                edits::make_ready(self.site, &hash, &found.not_executable, self.observer);
                return Ok(());
            }
            Some(found) => found.differences.as_slice(),
            None => &[],
        };
        let Ok(Some(bundle)) = bundles::read(self.site, &hash) else {
            return Err(RollbackError::Gone {
                hash,
                command: self.install_command(),
                candidates: candidates()?,
            });
        };
        match self.repair(&bundle, differences) {
            Err(source @ WriteError::NotOnDisk { .. }) => Err(RollbackError::NotRepairable {
                hash,
                command: self.install_command(),
                source,
            }),
            result => Ok(result?),
        }
    }

    fn repair(
        &self,
        bundle: &VerifiedBundle,
        differences: &[Difference],
    ) -> Result<(), WriteError> {
        let mut order = vec![bundle.hash(), self.live];
        for other in self.history.latest_first() {
            if !order.contains(&other) {
                order.push(other);
            }
        }
        Writing {
            site: self.site,
            bundle,
            promotion: &self.activation.promotion,
            supply: None,
            live: Some(self.live),
            order,
            free: HashSet::new(),
            differences,
            link: Link::Auto,
            threads: self.request.threads,
            now: self.request.now,
            observer: self.observer,
        }
        .write()?;
        Ok(())
    }

    /// Writes the command that installs the release from the registry.
    fn install_command(&self) -> String {
        let Activation {
            hash, promotion, ..
        } = self.activation;
        let (project, channel) = (self.site.project(), &promotion.channel);
        let mut command =
            format!("bulla-installer install {project} --channel {channel} {hash} --pin-old");
        for (flag, path, default) in [
            ("--root", self.server.root(), Server::DEFAULT_ROOT),
            ("--state", self.server.state(), Server::DEFAULT_STATE),
        ] {
            if path != Path::new(default) {
                let quoted = path.to_string_lossy().replace('\'', r"'\''");
                let _ = write!(command, " {flag} '{quoted}'");
            }
        }
        command
    }
}
