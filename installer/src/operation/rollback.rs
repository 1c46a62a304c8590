//! Rollback: an earlier release becomes live again, from this disk, without network. It is the
//! same switch as an install, and leaves a hold that people see.

mod candidate;
mod error;

use std::collections::HashSet;
use std::num::NonZeroUsize;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::{Digest, DigestPrefix, ProjectName, Timestamp};
use bulla_trust::LogState;

use super::edits;
use super::hold::after_rollback;
use super::known;
use super::locked::{LockedSite, Opening};
use super::persistent;
use super::resolve::{ResolveError, check_revocation};
use super::write::{Sources, WriteError, Writing};
use crate::config::{Link, ProjectConfig};
use crate::drift::examine::{Depth, Look, compare_with, examine};
use crate::failpoint::failpoint;
use crate::fetch::log::remembered;
use crate::live::activation::{Activator, Ended};
use crate::live::{HookSettings, LiveError, Unproved, current, folders, left};
use crate::observer::{Observer, with_causes, with_hint};
use crate::platform::files::FileError;
use crate::site::{Command, Server, Site};
use crate::state::history::{Activation, ActivationAction, ActivationResult, History};
use crate::state::hold::{self, Hold, HoldKind};
use crate::state::output;
use crate::tree::compare::in_words;
use crate::tree::{Difference, DifferenceKind, releases};

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
    /// Whether the server is pinned to the release, which may be the one that is live.
    pub pin: bool,
    /// What holds for the project on this server.
    pub config: ProjectConfig,
    /// What of that counts for hooks, and what the command says about them.
    pub hooks: HookSettings,
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
    /// The release that was left; the same when nothing had to be done, and none when nothing was
    /// live.
    pub left: Option<Digest>,
    /// Whether the server is held on the release now.
    pub is_held: bool,
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
    if !known::is_known(&site) {
        return Err(not_installed());
    }
    let opening = Opening {
        command: if request.pin { "pin" } else { "rollback" },
        settings: &request.hooks,
        unproved: Unproved::Leave,
        now: request.now,
    };
    let locked = LockedSite::open(server, &request.project, opening, observer)?;
    let site = locked.site();
    // Some of it is a reason to refuse an install. The earlier release has been there all the time.
    if let Some(warning) = folders::shared(site) {
        observer.note(&with_hint(&warning));
    }
    let log = known_log(server, observer);
    let live = current::read(site)?;
    let mut history = locked.history().clone();
    if history.activations().is_empty() {
        history = known::restore_history(site, history, &log, request.now, observer);
    }
    let last = history.last().ok_or_else(not_installed)?;

    let candidates = || candidates(site, &history, &log, live.as_ref());
    let hold = hold::read(&site.hold()).ok().flatten();
    let target = choose(request, &history, live.as_ref(), hold.as_ref(), candidates)?;
    if let Some(warning) = check_revocation(&log, &request.project, &target.hash)? {
        observer.note(&warning);
    }
    Target {
        site,
        activation: target,
        history: &history,
        live,
        request,
        is_held: hold.is_some(),
        observer,
    }
    .make_tree(candidates)?;
    let rolled_back = |is_held| RolledBack {
        hash: target.hash,
        revision: target.revision.clone(),
        left: live,
        is_held,
    };
    let left = live.unwrap_or(last.hash);
    let new_hold = hold_on(request, target.hash, left, hold.as_ref(), &history);
    // It was only repaired, where that was needed.
    if live == Some(target.hash) {
        if request.pin {
            hold::write(&site.hold(), Some(&new_hold))?;
        }
        return Ok(rolled_back(request.pin));
    }
    // The tree that is left is not looked through: it stays where it is with whatever was edited in
    // it, and the service waits.
    if live.is_none() {
        observer.note(&format!(
            "`{}` does not exist and is made again",
            site.current().display()
        ));
    }
    failpoint!("rollback::checked");
    let activation = Activation {
        number: output::next_number(site, &history),
        action: ActivationAction::Rollback,
        from: live,
        activated_at: request.now,
        log: if log.size() == 0 {
            last.log
        } else {
            log.position()
        },
        by: Some(request.by.clone()),
        reason: request.reason.clone(),
        result: ActivationResult::Activated,
        failure: None,
        failed_at: None,
        output: None,
        ..target.clone()
    };
    let hold = if left == target.hash && !request.pin {
        // What was live last is put back: that holds it on nothing new.
        hold
    } else {
        Some(new_hold)
    };
    let is_held = hold.is_some();
    let activator = locked.activator(&request.hooks, request.now, observer);
    let is_recorded = switch(&activator, activation, hold)?;
    if let Some(left) = live {
        left::say_who_stays(site, &left, None, observer);
    }
    Ok(rolled_back(is_recorded && is_held))
}

/// Makes the release live. Tells whether all about it is written down.
fn switch(
    activator: &Activator<'_>,
    activation: Activation,
    hold: Option<Hold>,
) -> Result<bool, LiveError> {
    match activator.begin(activation, hold)? {
        Ended::Done => Ok(true),
        Ended::Failed(failed) => Err(LiveError::Failed(failed)),
        Ended::Unwritten(error) => {
            activator.observer.note(&format!(
                "not everything about this switch could be written down: {}; the next command that \
                 can writes what is live into the history, and `status` may show no hold until then",
                with_causes(&error)
            ));
            Ok(false)
        }
    }
}

/// Makes the hold that a rollback or a pin leaves.
fn hold_on(
    request: &RollbackRequest,
    hash: Digest,
    left: Digest,
    before: Option<&Hold>,
    history: &History,
) -> Hold {
    let (kind, past) = if request.pin {
        (HoldKind::Pin, None)
    } else {
        after_rollback(before, history)
    };
    Hold {
        kind,
        hash,
        left,
        since: request.now,
        by: Some(request.by.clone()),
        reason: request.reason.clone(),
        past,
    }
}

/// Returns what is known of the log. A rollback goes on without it, aloud: revocations are known
/// only from there.
fn known_log(server: &Server, observer: &dyn Observer) -> LogState {
    let remembered = remembered(server);
    if let Some(error) = &remembered.problem {
        let revoked = if remembered.state.size() == 0 {
            "whether people revoked the release cannot be told: "
        } else {
            ""
        };
        observer.note(&format!("{revoked}{}", with_hint(error)));
    }
    remembered.state
}

/// Chooses the activation to go back to: the one before, or the one that was asked for. What a
/// person left by a rollback is never before, also where only the hold still says so.
fn choose<'a>(
    request: &RollbackRequest,
    history: &'a History,
    live: Option<&Digest>,
    hold: Option<&Hold>,
    candidates: impl Fn() -> Result<Vec<Candidate>, FileError>,
) -> Result<&'a Activation, RollbackError> {
    let is_recovered = |hash: &Digest| {
        history
            .last_of(hash)
            .is_some_and(|activation| activation.action == ActivationAction::Recovered)
    };
    let was_left = |hash: &Digest| {
        hold.is_some_and(|hold| Some(&hold.hash) == live && hold.left == *hash)
            && is_recovered(hash)
    };
    let before = history.before_live();
    let hash = match &request.hash {
        None => match before.iter().find(|hash| !was_left(hash)) {
            // Nothing is live, and before that was what was live last.
            _ if live.is_none() && history.last().is_some() => history.latest_first()[0],
            Some(hash) if Some(hash) != live => *hash,
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
    site: &'a Site,
    activation: &'a Activation,
    history: &'a History,
    live: Option<Digest>,
    request: &'a RollbackRequest,
    is_held: bool,
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
        let look = Look::at(self.site, &hash);
        if let Some(kept) = &look.kept {
            let policy = &self.request.config.persist;
            let install = &kept.release().install;
            persistent::prepare_to_return(self.site, install, policy, self.observer);
        }
        if look.is_untouched() {
            edits::make_ready(self.site, &hash, &[], self.observer);
            return Ok(());
        }
        let Some(bundle) = &look.into_bundle() else {
            return self.take_as_it_is(candidates);
        };
        let found = compare_with(self.site, bundle, Depth::Quick)?;
        let differences = match &found {
            Some(found) if found.differences.is_empty() => {
                edits::make_ready(self.site, &hash, &found.not_executable, self.observer);
                return Ok(());
            }
            Some(found) => found.differences.as_slice(),
            None => &[],
        };
        match self.repair(bundle, differences) {
            Err(source @ WriteError::NotOnDisk { .. }) => Err(RollbackError::NotRepairable {
                hash,
                command: self.install_command(),
                source,
            }),
            result => Ok(result?),
        }
    }

    /// Takes the tree although what is kept of its release is missing or damaged: that is ours, and
    /// must not stand between a person and the earlier release. It is compared with what was
    /// recorded of it, where that can be read, and what was found is said. Only a tree that lacks
    /// files is refused.
    fn take_as_it_is(
        &self,
        candidates: impl Fn() -> Result<Vec<Candidate>, FileError>,
    ) -> Result<(), RollbackError> {
        let hash = self.activation.hash;
        let command = self.install_command();
        if !releases::is_on_disk(self.site, &hash) {
            return Err(RollbackError::Gone {
                hash,
                command,
                candidates: candidates()?,
            });
        }
        let why = format!(
            "what is kept of {} in `{}` is missing or damaged, so that its tree cannot be compared \
             with the release",
            hash.short(),
            self.site.bundle(&hash).display(),
        );
        let Some(found) = examine(self.site, &hash, Depth::Quick)? else {
            self.observer.note(&format!(
                "{why}; it is used as it is. {}",
                repair_with(&command)
            ));
            return Ok(());
        };
        let is_lost = |found: &Difference| {
            matches!(
                found.difference,
                DifferenceKind::Missing | DifferenceKind::Unreadable
            )
        };
        if found.differences.iter().any(is_lost) {
            return Err(RollbackError::Incomplete {
                hash,
                differences: found.differences,
                command,
            });
        }
        edits::make_ready(self.site, &hash, &found.not_executable, self.observer);
        let found = match found.differences.as_slice() {
            [] => "it is as this server recorded it".to_owned(),
            differences => format!(
                "by this server's record of it, it was edited, and it is used as it is: {}",
                in_words(differences)
            ),
        };
        self.observer
            .note(&format!("{why}; {found}. {}", repair_with(&command)));
        Ok(())
    }

    fn repair(
        &self,
        bundle: &VerifiedBundle,
        differences: &[Difference],
    ) -> Result<(), WriteError> {
        let mut order = vec![bundle.hash()];
        for other in self.live.into_iter().chain(self.history.latest_first()) {
            if !order.contains(&other) {
                order.push(other);
            }
        }
        let sources = Sources::find(self.site, &order, self.live, &HashSet::new(), None)?;
        Writing {
            site: self.site,
            bundle,
            promotion: &self.activation.promotion,
            supply: None,
            pieces: None,
            live: self.live,
            differences,
            link: Link::Auto,
            threads: self.request.threads,
            now: self.request.now,
            observer: self.observer,
        }
        .write(sources)?;
        Ok(())
    }

    /// Writes the command that installs the release from the registry.
    fn install_command(&self) -> Command {
        let Activation {
            hash, promotion, ..
        } = self.activation;
        let (project, channel) = (self.site.project(), &promotion.channel);
        let release = if self.is_held { " --release-hold" } else { "" };
        Command::new(format!(
            "install {project} --channel {channel} {hash} --pin-old{release}"
        ))
    }
}

fn repair_with(command: &Command) -> String {
    format!("With the registry in reach, this mends it: {command}")
}
