//! Holds: what keeps a server on a release, and how a person sets and ends that.

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, DigestPrefix, ProjectName, Timestamp};

use super::known;
use super::locked::{LockedSite, Opening};
use super::program;
use crate::config::HoldPolicy;
use crate::live::{HookSettings, LiveError, Unproved, current};
use crate::observer::Observer;
use crate::site::{Server, Site};
use crate::state::history::History;
use crate::state::hold::{self, Hold, HoldKind};
use crate::state::{FailedAttempt, Quarantined, StateError, attempt, quarantine};

/// What a person asks for about the releases that this server stays on or does not try.
#[derive(Debug, Clone)]
pub struct HoldRequest {
    /// The project.
    pub project: ProjectName,
    /// Who asks for it on this server.
    pub by: String,
    /// What this server says about hooks, which run where an activation was interrupted.
    pub hooks: HookSettings,
    /// The time.
    pub now: Timestamp,
}

/// Why a hold was not set or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// What is live cannot be read, or the state not be written.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// Nothing of this project was ever installed here.
    #[error("nothing of `{project}` is installed here")]
    NotInstalled {
        /// The project.
        project: ProjectName,
    },
    /// Nothing to stay on.
    #[error("nothing of `{project}` is live, so that there is nothing to stay on")]
    NothingLive {
        /// The project.
        project: ProjectName,
    },
    /// No release that failed.
    #[error("`{asked}` is not among the releases of `{project}` that failed here")]
    NotQuarantined {
        /// The project.
        project: ProjectName,
        /// What was asked for.
        asked: DigestPrefix,
        /// What failed.
        known: Vec<Digest>,
    },
}

impl From<StateError> for HoldError {
    fn from(error: StateError) -> Self {
        Self::Live(error.into())
    }
}

impl Outcome for HoldError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Live(error) => error.kind(),
            Self::NotInstalled { .. } | Self::NothingLive { .. } | Self::NotQuarantined { .. } => {
                FailureKind::Failed
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Live(error) => error.hint(),
            Self::NotQuarantined { known, .. } if !known.is_empty() => {
                let known: Vec<_> = known.iter().map(Digest::short).collect();
                Some(format!("failed here: {}", known.join(", ")))
            }
            Self::NotInstalled { .. } | Self::NothingLive { .. } | Self::NotQuarantined { .. } => {
                None
            }
        }
    }

    fn output(&self) -> Option<&str> {
        match self {
            Self::Live(error) => error.output(),
            _ => None,
        }
    }
}

/// Tells whether a hold keeps a server from a promotion, which stands at `entry` in the log.
pub(super) fn stands(hold: &Hold, policy: HoldPolicy, entry: u64, history: &History) -> bool {
    match (hold.kind, policy) {
        (HoldKind::Hold | HoldKind::Pin, _) | (_, HoldPolicy::UntilRelease) => true,
        (HoldKind::Rollback, HoldPolicy::UntilMoved) => {
            let left = || Some(history.last_of(&hold.left)?.promotion.entry);
            hold.past.or_else(left).is_none_or(|past| entry <= past)
        }
    }
}

/// Tells whether a server stays on what is live there, whatever a promotion says that stands at
/// `entry` in the log.
pub(crate) fn is_held(site: &Site, policy: HoldPolicy, entry: u64) -> bool {
    let hold = hold::read(&site.hold()).ok().flatten();
    let history = History::read(&site.history()).unwrap_or_default();
    let is_live = matches!(current::read(site), Ok(Some(_)));
    is_live && hold.is_some_and(|hold| stands(&hold, policy, entry, &history))
}

/// Returns what kind of hold a rollback leaves, and what ends it: nothing that would not have ended
/// the one that it replaces.
pub(super) fn after_rollback(before: Option<&Hold>, history: &History) -> (HoldKind, Option<u64>) {
    match before {
        Some(before) if before.kind != HoldKind::Rollback => (HoldKind::Hold, None),
        before => {
            let earlier = before.and_then(|before| before.past);
            (HoldKind::Rollback, history.newest_entry().max(earlier))
        }
    }
}

/// Holds the server on the release that is live, until a person ends that.
pub fn hold(
    server: &Server,
    request: &HoldRequest,
    reason: &str,
    observer: &dyn Observer,
) -> Result<Hold, HoldError> {
    let locked = open(server, request, "hold", observer)?;
    let live = current::read(locked.site())?;
    let hash = live.ok_or_else(|| HoldError::NothingLive {
        project: request.project.clone(),
    })?;
    let before = hold::read(&locked.site().hold())?;
    let left = before.filter(|before| before.hash == hash);
    let hold = Hold {
        kind: HoldKind::Hold,
        hash,
        left: left.map_or(hash, |before| before.left),
        since: request.now,
        by: Some(request.by.clone()),
        reason: Some(reason.to_owned()),
        past: None,
    };
    hold::write(&locked.site().hold(), Some(&hold))?;
    Ok(hold)
}

/// Ends the hold. Returns it, where there was one.
pub fn release(
    server: &Server,
    request: &HoldRequest,
    observer: &dyn Observer,
) -> Result<Option<Hold>, HoldError> {
    let locked = open(server, request, "release", observer)?;
    let path = locked.site().hold();
    let held = hold::read(&path)?;
    hold::write(&path, None)?;
    Ok(held)
}

/// What is tried again because a person said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// The releases that failed here.
    pub failed: Vec<Quarantined>,
    /// The last attempt, where it failed before anything was changed.
    pub attempt: Option<FailedAttempt>,
    /// The release that is live, whose program the agent had not tried.
    pub program: Option<Digest>,
}

/// Lets releases that failed here be tried again: one of them, or all. In the project that carries the
/// installer, the program that is live is tried, too.
pub fn retry(
    server: &Server,
    request: &HoldRequest,
    asked: Option<&DigestPrefix>,
    observer: &dyn Observer,
) -> Result<Retried, HoldError> {
    let locked = open(server, request, "retry", observer)?;
    let is_asked = |hash: &Digest| asked.is_none_or(|asked| asked.matches(hash));
    let site = locked.site();
    let failed = quarantine::remove(site, is_asked)?;
    let attempt = failed_attempt(site)?.filter(|attempt| is_asked(&attempt.hash));
    if let Some(attempt) = &attempt {
        // It kept nothing from being tried, and nothing is proved before that.
        attempt::try_again(site, attempt);
    }
    let program = if request.hooks.carries_installer {
        program::let_try(server, site, is_asked)?
    } else {
        None
    };
    let is_nothing = failed.is_empty() && attempt.is_none() && program.is_none();
    match asked {
        Some(asked) if is_nothing => Err(HoldError::NotQuarantined {
            project: request.project.clone(),
            asked: asked.clone(),
            known: known_failures(site)?,
        }),
        _ => Ok(Retried {
            failed,
            attempt,
            program,
        }),
    }
}

/// Returns the last attempt, where it failed and its release is not live by now.
fn failed_attempt(site: &Site) -> Result<Option<FailedAttempt>, LiveError> {
    let live = current::read(site)?;
    Ok(attempt::read(site).filter(|attempt| live != Some(attempt.hash)))
}

fn known_failures(site: &Site) -> Result<Vec<Digest>, HoldError> {
    let known = quarantine::read(site)?
        .into_iter()
        .map(|failed| failed.hash);
    let attempted = failed_attempt(site)?.map(|attempt| attempt.hash);
    Ok(known.chain(attempted).collect())
}

fn open(
    server: &Server,
    request: &HoldRequest,
    command: &str,
    observer: &dyn Observer,
) -> Result<LockedSite, HoldError> {
    let HoldRequest {
        project,
        hooks,
        now,
        ..
    } = request;
    let site = server.site(project);
    // Of a first install that failed before its switch, only that is known.
    if !known::is_known(&site) && attempt::read(&site).is_none() {
        return Err(HoldError::NotInstalled {
            project: project.clone(),
        });
    }
    let opening = Opening {
        command,
        settings: hooks,
        unproved: Unproved::Prove,
        now: *now,
    };
    Ok(LockedSite::open(server, project, opening, observer)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::history::ActivationAction::{Install, Rollback};
    use crate::state::history::tests::history;

    fn held(kind: HoldKind, past: Option<u64>) -> Hold {
        Hold {
            kind,
            hash: Digest::of(b"a"),
            left: Digest::of(b"b"),
            since: Timestamp::EPOCH,
            by: None,
            reason: None,
            past,
        }
    }

    #[test]
    fn a_rollback_holds_until_the_channel_moves_past_what_was_left() {
        let history = history(&[(Install, "a"), (Install, "b"), (Rollback, "a")]);
        // One of an earlier version does not say what was left by which promotion.
        for past in [None, Some(2)] {
            let hold = held(HoldKind::Rollback, past);
            let stands = |policy, entry| stands(&hold, policy, entry, &history);
            assert!(stands(HoldPolicy::UntilMoved, 2));
            assert!(!stands(HoldPolicy::UntilMoved, 3));
            assert!(stands(HoldPolicy::UntilRelease, 3));
        }
        for kind in [HoldKind::Hold, HoldKind::Pin] {
            assert!(stands(
                &held(kind, None),
                HoldPolicy::UntilMoved,
                99,
                &history
            ));
        }
    }
}
