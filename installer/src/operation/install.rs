//! Install: from a channel to the release that is live, in one fixed order. Whatever fails before
//! the switch leaves the live release as it was.

mod attempt;
mod checks;
mod error;
mod meanwhile;
mod preview;
mod request;

use bulla_schemas::Digest;
use bulla_trust::LogState;

use super::freshness;
use super::garbage::{self, Collected};
use super::locked::LockedSite;
use super::resolve::{Resolved, resolve_back};
use super::retention;
use super::rollout::Arrival;
use super::write::Ahead;
use crate::failpoint::failpoint;
use crate::fetch::FetchError;
use crate::fetch::supply::Supply;
use crate::live::activation::Ended;
use crate::live::processes::Uses;
use crate::live::{LiveError, current, folders, left};
use crate::observer::{Observer, with_causes, with_hint};
use crate::site::Site;
use crate::state::history::History;
use crate::state::hold::{self, Hold, HoldKind};
use crate::state::rollout;
use crate::tree::remove;

use attempt::{Attempt, Made, say_unrecorded};
use checks::{refuse_quarantined, resolve_for, rolled_out, standing};
use meanwhile::{Goes, goes, goes_instead};

pub use error::InstallError;
pub use preview::Preview;
pub(super) use preview::preview;
pub use request::{AtOnce, InstallRequest, Installed, Outcome};

/// Makes the channel's head live. The log was synced after the site was locked, so that it knows
/// at least what any install before this one knew.
pub fn install(
    locked: &LockedSite,
    log: &LogState,
    supply: &Supply,
    request: &InstallRequest,
    observer: &dyn Observer,
) -> Result<Installed, InstallError> {
    let log = Followed::saved(log);
    install_with(locked, log, (supply, &[]), request, observer)
}

/// The log that an install follows.
#[derive(Clone, Copy)]
pub(super) struct Followed<'a> {
    pub(super) state: &'a LogState,
    /// Waits until that is durable: nothing is made live before.
    pub(super) saved: &'a dyn Fn() -> Result<(), FetchError>,
    /// Its newest checkpoint, where that may not be on the disk yet.
    pub(super) note: Option<&'a [u8]>,
    /// Returns what was looked up on this disk while the log was read, once.
    pub(super) ahead: &'a (dyn Fn() -> Option<Ahead> + Sync),
}

impl<'a> Followed<'a> {
    /// A log that is durable.
    pub(super) const fn saved(state: &'a LogState) -> Self {
        Self {
            state,
            saved: &|| Ok(()),
            note: None,
            ahead: &|| None,
        }
    }
}

/// The same, where `others` can be asked too how other servers are.
pub(super) fn install_with(
    locked: &LockedSite,
    followed: Followed<'_>,
    (supply, others): (&Supply, &[&Supply]),
    request: &InstallRequest,
    observer: &dyn Observer,
) -> Result<Installed, InstallError> {
    let (site, log) = (locked.site(), followed.state);
    if let Some(warning) = folders::refuse_public(site)? {
        observer.note(&with_hint(&warning));
    }
    let history = locked.history();
    let mut resolved = resolve_for(site, log, supply, request, history)?;
    if let Some(warning) = &resolved.warning {
        observer.note(warning);
    }
    failpoint!("install::resolved");
    let from = current::read(site)?;
    let hold = hold::read(&site.hold())?;
    let standing = standing(hold.as_ref(), from, request, &resolved, history);
    if let (Some(hold), Some(live)) = (standing, from)
        && hold.hash != resolved.hash
    {
        say_unrecorded(request, observer);
        let outcome = Outcome::Held(Box::new(hold.clone()));
        return Ok(stays(live, from, history, outcome));
    }
    refuse_just_failed(locked, &resolved)?;
    let quarantined = refuse_quarantined(site, &resolved);
    let head = rolled_out(log, site.project(), request, &resolved, from);
    let arrival = head.map(|head| Arrival::new(site, &request.config, (log, history), head));
    let way_back = || arrival.as_ref()?.way_back(from, request.now);
    let goes_on = match (&arrival, quarantined) {
        (_, Err(failed)) => goes_instead(failed, way_back, (site, supply))?,
        (None, Ok(())) => Goes::There { skipped: None },
        (Some(arrival), Ok(())) => {
            let when = arrival.asked(&[&[supply], others].concat(), request.now, observer)?;
            goes(&when, way_back, (site, supply), request)
        }
    };
    let (skipped, meanwhile) = match goes_on {
        Goes::There { skipped } => (skipped, None),
        Goes::Back { to, why } => {
            resolved = resolve_back(log, &to)?;
            (None, Some(why))
        }
        Goes::Waits(waiting) => {
            let outcome = Outcome::Waiting(Box::new(waiting));
            let hash = from.unwrap_or(resolved.hash);
            return Ok(stays(hash, from, history, outcome));
        }
    };
    let stale = if from == Some(resolved.hash) {
        None
    } else {
        allow_stale(site, followed, request)?
    };
    let attempt = Attempt {
        locked,
        supply,
        request,
        resolved: &resolved,
        live: from,
        hold: hold.as_ref(),
        skipped,
        stale,
        is_meanwhile: meanwhile.is_some(),
        ahead: followed.ahead,
        observer,
    };
    let installed = make_live(&attempt, followed, standing);
    match meanwhile {
        Some(why) => why.end(installed, resolved.hash, observer),
        None => installed,
    }
}

/// Makes the release of an attempt live, and collects garbage.
fn make_live(
    attempt: &Attempt<'_>,
    followed: Followed<'_>,
    standing: Option<&Hold>,
) -> Result<Installed, InstallError> {
    let Attempt {
        locked,
        request,
        resolved,
        live: from,
        observer,
        ..
    } = *attempt;
    let (site, log) = (locked.site(), followed.state);
    let kept = standing
        .cloned()
        .or_else(|| old_release(log, site, resolved, request));
    let Made {
        bundle,
        outcome,
        edits,
    } = attempt.prepare()?;
    let revision = bundle.release().source.revision().to_owned();
    let leaves = from.filter(|live| *live != resolved.hash);
    let activation = attempt.activation(revision.clone(), log.position());
    (followed.saved)()?;
    let ended = attempt.activate((&outcome, edits), activation, kept.as_ref())?;
    if !attempt.is_meanwhile {
        rollout::forget(site)?;
    }
    // Also when nothing was switched: an install that died after its switch did not come to this.
    let uses = collect_garbage(site, request, observer);
    match ended {
        Ended::Done => {}
        Ended::Unwritten(error) => observer.note(&with_causes(&error)),
        Ended::Failed(failed) => return Err(LiveError::Failed(failed).into()),
    }
    if let Some(live) = leaves {
        left::say_who_stays(site, &live, uses, observer);
    }
    if standing.is_none() {
        say_hold(site, kept.as_ref(), attempt.hold, observer);
    }
    Ok(Installed {
        hash: resolved.hash,
        revision,
        from,
        outcome,
        meanwhile: None,
    })
}

/// Refuses what is new by a log that witnesses have not vouched for lately, unless a person on this
/// server takes it; returns what the history says of that.
fn allow_stale(
    site: &Site,
    followed: Followed<'_>,
    request: &InstallRequest,
) -> Result<Option<String>, InstallError> {
    let (channel, now) = (&request.channel, request.now);
    let stale = freshness::stale(site, channel, followed.state, followed.note, now);
    match stale {
        None => Ok(None),
        Some(stale) if request.allow_stale.is_some() => Ok(Some(format!("although {stale}"))),
        Some(stale) => Err(InstallError::Stale {
            project: site.project().clone(),
            channel: channel.clone(),
            stale,
        }),
    }
}

/// Refuses a release that failed just now, when this command went on with what a dead one had
/// begun.
fn refuse_just_failed(locked: &LockedSite, resolved: &Resolved) -> Result<(), InstallError> {
    match locked.failed(&resolved.hash) {
        Some(failed) => Err(LiveError::Failed(Box::new(failed.clone())).into()),
        None => Ok(()),
    }
}

/// What is said of an install that leaves everything as it is.
fn stays(hash: Digest, from: Option<Digest>, history: &History, outcome: Outcome) -> Installed {
    let revision = history.last_of(&hash).map(|last| last.revision.clone());
    Installed {
        hash,
        revision: revision.unwrap_or_default(),
        from,
        outcome,
        meanwhile: None,
    }
}

/// Says which hold begins with an install, or which ended.
fn say_hold(site: &Site, begun: Option<&Hold>, ended: Option<&Hold>, observer: &dyn Observer) {
    match (begun, ended) {
        (Some(begun), _) => observer.note(&format!(
            "held on {}, as after a rollback: a newer promotion ends that, or `bulla-installer \
             release {}`",
            begun.hash.short(),
            site.project()
        )),
        (None, Some(ended)) => observer.note(&format!(
            "the hold on {} since {} is cleared",
            ended.hash.short(),
            ended.since
        )),
        (None, None) => {}
    }
}

/// Returns the hold that an earlier release leaves which a person asked for by its hash: without
/// one, the next look of the agent would undo what they did.
fn old_release(
    log: &LogState,
    site: &Site,
    resolved: &Resolved,
    request: &InstallRequest,
) -> Option<Hold> {
    let head = log.head(site.project(), &request.channel);
    let head = head.filter(|_| resolved.is_pinned)?;
    Some(Hold {
        kind: HoldKind::Rollback,
        hash: resolved.hash,
        left: head.hash,
        since: request.now,
        by: None,
        reason: Some("installed with --pin-old".to_owned()),
        past: Some(head.entry),
    })
}

/// Never fails an install: the release is live, and the next install tries again. Returns who uses
/// what, where that was looked for.
fn collect_garbage(site: &Site, request: &InstallRequest, observer: &dyn Observer) -> Option<Uses> {
    let collect = || -> Result<Option<Collected>, InstallError> {
        let history = History::read(&site.history())?;
        let Some(live) = current::read(site)? else {
            return Ok(None);
        };
        let hold = hold::read(&site.hold())?;
        let keep = &request.config.keep;
        let kept = retention::kept(site, (&history, hold.as_ref()), &live, keep, request.now);
        let collected = garbage::collect(site, &kept, request.now, observer)?;
        remove::remove_tree(&site.spools())?;
        Ok(Some(collected))
    };
    match collect() {
        Ok(collected) => {
            for sentence in collected.iter().flat_map(Collected::sentences) {
                observer.note(&sentence);
            }
            collected?.uses
        }
        Err(error) => {
            observer.note(&format!("old releases could not be removed: {error}"));
            None
        }
    }
}
