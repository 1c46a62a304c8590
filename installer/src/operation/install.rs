//! Install: from a channel to the release that is live, in one fixed order. Whatever fails before
//! the switch leaves the live release as it was.

mod checks;
mod error;
mod preview;
mod request;

use std::collections::HashSet;
use std::thread;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use bulla_schemas::log::LogPosition;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_trust::LogState;

use super::edits;
use super::garbage::{self, Collected};
use super::locked::LockedSite;
use super::persistent;
use super::resolve::{Resolved, resolve_back};
use super::retention;
use super::rollout::Arrival;
use super::write::{Ahead, Sources, WriteError, Writing, Written};
use crate::config::Link;
use crate::drift::examine::{Depth, examine_with};
use crate::failpoint::failpoint;
use crate::fetch::FetchError;
use crate::fetch::pull::pieces::Pieces;
use crate::fetch::pull::{self, Pulled};
use crate::fetch::supply::{Source, Supply};
use crate::live::activation::{Activator, Ended};
use crate::live::processes::Uses;
use crate::live::{LiveError, current, folders, hooks, left};
use crate::observer::{Observer, with_causes, with_hint};
use crate::site::Site;
use crate::state::bundles;
use crate::state::history::{Activation, ActivationResult, History};
use crate::state::hold::{self, Hold, HoldKind};
use crate::state::{FailedAttempt, attempt, output, rollout};
use crate::tree::{Difference, ReleaseNote, TreeError, note, persist, releases, remove};

use checks::{Goes, refuse_edits, refuse_quarantined, resolve_for, rolled_out, standing};

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
    /// Returns what was looked up on this disk while the log was read, once.
    pub(super) ahead: &'a (dyn Fn() -> Option<Ahead> + Sync),
}

impl<'a> Followed<'a> {
    /// A log that is durable.
    pub(super) const fn saved(state: &'a LogState) -> Self {
        Self {
            state,
            saved: &|| Ok(()),
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
    let position = log.position();
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
    refuse_failed(locked, &resolved)?;
    let mut goes = Goes::There { skipped: None };
    if let Some(head) = rolled_out(log, site.project(), request, &resolved, from) {
        let arrival = Arrival::new(site, &request.config, (log, history), head);
        let when = arrival.asked(&[&[supply], others].concat(), request.now, observer)?;
        let way_back = || arrival.way_back(from, request.now);
        goes = checks::goes(&when, way_back, (site, supply), request);
    }
    let (skipped, meanwhile) = match goes {
        Goes::There { skipped } => (skipped, None),
        Goes::Back { to, until } => {
            resolved = resolve_back(log, &to)?;
            (None, Some(until))
        }
        Goes::Waits(waiting) => {
            let outcome = Outcome::Waiting(Box::new(waiting));
            let hash = from.unwrap_or(resolved.hash);
            return Ok(stays(hash, from, history, outcome));
        }
    };
    let kept = standing
        .cloned()
        .or_else(|| old_release(log, site, &resolved, request));
    let attempt = Attempt {
        site,
        supply,
        request,
        resolved: &resolved,
        history,
        live: from,
        hold: hold.as_ref(),
        skipped,
        ahead: followed.ahead,
        observer,
    };
    let Made {
        bundle,
        outcome,
        edits,
    } = attempt
        .prepare()
        .inspect_err(|error| attempt.remember(error))?;
    let revision = bundle.release().source.revision().to_owned();
    let leaves = from.filter(|live| *live != resolved.hash);
    let activation = attempt.activation(revision.clone(), position);
    (followed.saved)()?;
    let kept_on = kept.as_ref();
    let ended = attempt.activate(locked, (&outcome, edits), activation, kept_on)?;
    if meanwhile.is_none() {
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
        say_hold(site, kept.as_ref(), hold.as_ref(), observer);
    }
    Ok(Installed {
        hash: resolved.hash,
        revision,
        from,
        outcome,
        meanwhile,
    })
}

/// Refuses a release that failed just now, when this command went on with what a dead one had
/// begun, or before.
fn refuse_failed(locked: &LockedSite, resolved: &Resolved) -> Result<(), InstallError> {
    match locked.failed(&resolved.hash) {
        Some(failed) => Err(LiveError::Failed(Box::new(failed.clone())).into()),
        None => refuse_quarantined(locked.site(), resolved),
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

/// Says which paths of the tree that is left were edited, as it was compared on the way or is now.
fn say_edits(
    site: &Site,
    leaves: Option<Digest>,
    edits: Option<Vec<String>>,
    observer: &dyn Observer,
) {
    let edits = edits.or_else(|| Some(edits::of_left(site, &leaves?, None)));
    for sentence in edits.iter().flatten() {
        observer.note(sentence);
    }
}

/// Says that the reason of a person is written nowhere, because nothing was done.
fn say_unrecorded(request: &InstallRequest, observer: &dyn Observer) {
    let given = request.at_once.as_ref();
    if given.is_some_and(|person| person.reason.is_some()) {
        observer.note("nothing was done, so the reason is not in the history");
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

/// An install that is under way.
struct Attempt<'a> {
    site: &'a Site,
    supply: &'a Supply,
    request: &'a InstallRequest,
    resolved: &'a Resolved,
    history: &'a History,
    live: Option<Digest>,
    hold: Option<&'a Hold>,
    /// What a person on this server did not want to wait for.
    skipped: Option<String>,
    /// Returns what was looked up on this disk before, once.
    ahead: &'a (dyn Fn() -> Option<Ahead> + Sync),
    observer: &'a dyn Observer,
}

/// A bundle that is on this disk.
struct Supplied {
    bundle: VerifiedBundle,
    /// What came of its payload, where it was fetched.
    pieces: Option<Pieces>,
    /// The trees that its own may be made from, where they were looked up on the way.
    sources: Option<Sources>,
}

impl Supplied {
    const fn of(bundle: VerifiedBundle) -> Self {
        Self {
            bundle,
            pieces: None,
            sources: None,
        }
    }
}

/// A release whose tree is there, complete and unchanged.
struct Made {
    bundle: VerifiedBundle,
    outcome: Outcome,
    /// What is to be said of the tree that is going to be left, where it was compared on the way.
    edits: Option<Vec<String>>,
}

impl Attempt<'_> {
    /// Does all that the release needs before anything of it, or of the live one, is run.
    fn prepare(&self) -> Result<Made, InstallError> {
        refuse_edits(self.site, self.live.as_ref(), self.request)?;
        let made = self.make_tree().inspect_err(|error| self.clean_up(error))?;
        let persist = &self.request.config.persist;
        let install = &made.bundle.release().install;
        persistent::prepare(self.site, install, persist, self.observer)?;
        self.note_tree(&made.bundle)?;
        Ok(made)
    }

    /// Remembers why it could not begin. What may work the next time is no failure.
    fn remember(&self, error: &InstallError) {
        let kind = error.kind();
        if kind == FailureKind::Temporary {
            return;
        }
        let attempt = FailedAttempt {
            hash: self.resolved.hash,
            entry: Some(self.resolved.promotion.entry),
            number: None,
            kind,
            failed_at: self.request.now,
            since: None,
            reason: with_causes(error),
        };
        attempt::remember(self.site, attempt);
    }

    /// Makes sure that the release's tree is there, complete and unchanged.
    fn make_tree(&self) -> Result<Made, InstallError> {
        let Supplied {
            bundle,
            pieces,
            sources,
        } = self.bundle()?;
        hooks::check(&self.request.hooks, &bundle.release().install)?;
        // What is live already runs without it, and is not made worse.
        if self.live != Some(bundle.hash()) {
            persist::require(self.site, &bundle.release().install)?;
        }
        failpoint!("install::index-stored");
        let hash = bundle.hash();
        let found = examine_with(self.site, &bundle, Depth::Quick)?;
        let differences = match &found {
            Some(found) if found.differences.is_empty() => {
                edits::make_ready(self.site, &hash, &found.not_executable, self.observer);
                let outcome = if self.live == Some(hash) {
                    Outcome::AlreadyLive
                } else {
                    Outcome::OnDisk
                };
                return Ok(Made {
                    bundle,
                    outcome,
                    edits: None,
                });
            }
            Some(found) => found.differences.as_slice(),
            None => &[],
        };
        let written = self.write(&bundle, (pieces.as_ref(), sources), differences)?;
        let outcome = Outcome::Written {
            files: bundle.release().files,
            in_place: written.in_place,
            shared: written.shared,
            downloaded: pieces.as_ref().map_or(0, Pieces::size) + written.downloaded.bytes,
            resumed: written.downloaded.resumed,
        };
        Ok(Made {
            bundle,
            outcome,
            edits: written.edits,
        })
    }

    fn write(
        &self,
        bundle: &VerifiedBundle,
        (pieces, sources): (Option<&Pieces>, Option<Sources>),
        differences: &[Difference],
    ) -> Result<Written, WriteError> {
        // When it fails, the live release stays, and with it the one that a rollback would go to.
        let can_fail = hooks::can_fail(&self.request.hooks, &bundle.release().install);
        let before = self.history.before_live().first().copied();
        let needed = before.filter(|_| can_fail);
        let is_needed = |sources: &Sources| needed.is_some_and(|needed| sources.recycles(&needed));
        let sources = match sources {
            Some(sources) if !is_needed(&sources) => sources,
            _ => self.sources(needed.as_ref())?,
        };
        Writing {
            site: self.site,
            bundle,
            promotion: &self.resolved.promotion,
            supply: Some(self.supply),
            pieces,
            live: self.live,
            differences,
            link: self.request.config.link,
            threads: self.request.threads,
            now: self.request.now,
            observer: self.observer,
        }
        .write(sources)
    }

    /// Finds the trees that this release's may be made from, of which none may be recycled that is
    /// kept, or needed besides.
    fn sources(&self, needed: Option<&Digest>) -> Result<Sources, WriteError> {
        let hash = self.resolved.hash;
        let mut order: Vec<Digest> = self.live.into_iter().collect();
        let latest = self.history.latest_first();
        order.extend(latest.into_iter().filter(|other| Some(*other) != self.live));
        if !order.contains(&hash) {
            order.push(hash);
        }
        let mut free: HashSet<Digest> = order.iter().copied().collect();
        // Hard links would let a change of a time reach other releases.
        if self.request.config.link == Link::Hard {
            free.clear();
        }
        let keep = &self.request.config.keep;
        let remembered = (self.history, self.hold);
        let kept = retention::kept(self.site, remembered, &hash, keep, self.request.now);
        for needed in kept.iter().chain(&self.live).chain(needed) {
            free.remove(needed);
        }
        Sources::find(self.site, &order, self.live, &free, (self.ahead)())
    }

    /// Takes the bundle from this disk, or fetches all of it but the payload, and of that what comes
    /// with it.
    fn bundle(&self) -> Result<Supplied, InstallError> {
        let hash = self.resolved.hash;
        // What is damaged here is fetched again.
        if let Ok(Some(bundle)) = bundles::read(self.site, &hash) {
            return Ok(Supplied::of(bundle));
        }
        let total = self.resolved.size;
        let client = match self.supply.source() {
            Source::Registry(client) => client,
            Source::File(file) => {
                let bundle = pull::take(self.site, file, (hash, total))?;
                return Ok(Supplied::of(bundle));
            }
        };
        let mut known = releases::on_disk(self.site)?;
        known.sort_by_key(|hash| Some(*hash) != self.live);
        // What lies here is looked up while the registry answers.
        let (pulled, sources) = thread::scope(|scope| {
            let sources = scope.spawn(|| self.sources(None));
            let pulled = pull::pull(self.site, client, (hash, total), &known, self.observer);
            let pulled = self.supply.wait(pulled);
            (pulled, sources.join())
        });
        let Pulled { bundle, pieces } = pulled?;
        bundles::store(self.site, &bundle)?;
        Ok(Supplied {
            bundle,
            pieces: Some(pieces),
            sources: sources.ok().and_then(Result::ok),
        })
    }

    /// Writes the note of a tree that has none.
    fn note_tree(&self, bundle: &VerifiedBundle) -> Result<(), TreeError> {
        if self.site.note(&bundle.hash()).exists() {
            return Ok(());
        }
        let note = ReleaseNote::new(bundle, &self.resolved.promotion, self.request.now);
        note::write(self.site, &note)
    }

    /// Removes what a failed install left. Only what is still good is kept: an interrupted
    /// download, which the next install goes on with. What cannot be removed now is swept then.
    fn clean_up(&self, error: &InstallError) {
        let hash = self.resolved.hash;
        let mut removed: Vec<Result<(), InstallError>> = Vec::new();
        if error.kind() == FailureKind::Refused {
            removed.push(remove::remove_tree(&self.site.spools()).map_err(Into::into));
            if !releases::is_on_disk(self.site, &hash) {
                removed.push(bundles::remove(self.site, &hash).map_err(Into::into));
            }
        }
        for error in removed.into_iter().filter_map(Result::err) {
            self.observer.note(&format!("swept later: {error}"));
        }
    }

    /// Makes the release live, or notes that it is live already.
    fn activate(
        &self,
        locked: &LockedSite,
        (outcome, edits): (&Outcome, Option<Vec<String>>),
        activation: Activation,
        kept: Option<&Hold>,
    ) -> Result<Ended, InstallError> {
        let (site, request, observer) = (self.site, self.request, self.observer);
        let activator = Activator {
            site,
            settings: &request.hooks,
            now: request.now,
            begun: locked.begun(),
            observer,
        };
        if *outcome != Outcome::AlreadyLive {
            let leaves = self.live.filter(|live| *live != self.resolved.hash);
            say_edits(site, leaves, edits, observer);
            return Ok(activator.begin(activation, kept.cloned())?);
        }
        if self.history.channel() == Some(&request.channel) {
            say_unrecorded(request, observer);
            hold::write(&site.hold(), kept)?;
            return Ok(Ended::Done);
        }
        Ok(activator.note(activation, kept.cloned())?)
    }

    /// Returns what the history will say about it.
    fn activation(&self, revision: String, log: LogPosition) -> Activation {
        let at_once = self.request.at_once.as_ref();
        let reason = at_once.and_then(|person| person.reason(self.skipped.as_deref()));
        Activation {
            number: output::next_number(self.site, self.history),
            action: self.resolved.action,
            hash: self.resolved.hash,
            from: self.live,
            revision,
            activated_at: self.request.now,
            promotion: self.resolved.promotion.clone(),
            log,
            by: at_once
                .filter(|_| reason.is_some())
                .map(|person| person.by.clone()),
            reason,
            result: ActivationResult::Activated,
            failure: None,
            failed_at: None,
            output: None,
        }
    }
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
