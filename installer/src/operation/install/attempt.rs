//! One attempt to make a release live: its bundle, its tree, its activation.

use std::collections::HashSet;
use std::thread;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use bulla_schemas::log::LogPosition;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::checks::refuse_edits;
use super::error::InstallError;
use super::request::{InstallRequest, Outcome};
use crate::config::Link;
use crate::drift::examine::{Depth, examine_with};
use crate::failpoint::failpoint;
use crate::fetch::pull::pieces::Pieces;
use crate::fetch::pull::{self, Pulled};
use crate::fetch::supply::{Source, Supply};
use crate::live::activation::Ended;
use crate::live::hooks;
use crate::observer::{Observer, with_causes};
use crate::operation::locked::LockedSite;
use crate::operation::resolve::Resolved;
use crate::operation::write::{Ahead, Sources, WriteError, Writing, Written};
use crate::operation::{edits, persistent, retention};
use crate::site::Site;
use crate::state::bundles;
use crate::state::history::{Activation, ActivationResult, History};
use crate::state::hold::{self, Hold};
use crate::state::{FailedAttempt, attempt, output};
use crate::tree::{Difference, ReleaseNote, TreeError, note, persist, releases, remove};

/// An install that is under way.
pub(super) struct Attempt<'a> {
    pub(super) locked: &'a LockedSite,
    pub(super) supply: &'a Supply,
    pub(super) request: &'a InstallRequest,
    pub(super) resolved: &'a Resolved,
    pub(super) live: Option<Digest>,
    pub(super) hold: Option<&'a Hold>,
    /// What a person on this server did not want to wait for.
    pub(super) skipped: Option<String>,
    /// How old the log is that they took all the same.
    pub(super) stale: Option<String>,
    /// Whether the server waits with its head, and remembers since when.
    pub(super) is_meanwhile: bool,
    /// Returns what was looked up on this disk before, once.
    pub(super) ahead: &'a (dyn Fn() -> Option<Ahead> + Sync),
    pub(super) observer: &'a dyn Observer,
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
pub(super) struct Made {
    pub(super) bundle: VerifiedBundle,
    pub(super) outcome: Outcome,
    /// What is to be said of the tree that is going to be left, where it was compared on the way.
    pub(super) edits: Option<Vec<String>>,
}

impl Attempt<'_> {
    fn site(&self) -> &Site {
        self.locked.site()
    }

    fn history(&self) -> &History {
        self.locked.history()
    }

    /// Does all that the release needs before anything of it, or of the live one, is run.
    pub(super) fn prepare(&self) -> Result<Made, InstallError> {
        self.try_to_prepare()
            .inspect_err(|error| self.remember(error))
    }

    fn try_to_prepare(&self) -> Result<Made, InstallError> {
        refuse_edits(self.site(), self.live.as_ref(), self.request)?;
        let made = self.make_tree().inspect_err(|error| self.clean_up(error))?;
        let persist = &self.request.config.persist;
        let install = &made.bundle.release().install;
        persistent::prepare(self.site(), install, persist, self.observer)?;
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
        attempt::remember(self.site(), attempt);
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
            persist::require(self.site(), &bundle.release().install)?;
        }
        failpoint!("install::index-stored");
        let hash = bundle.hash();
        let found = examine_with(self.site(), &bundle, Depth::Quick)?;
        let differences = match &found {
            Some(found) if found.differences.is_empty() => {
                edits::make_ready(self.site(), &hash, &found.not_executable, self.observer);
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
        let before = self.history().before_live().first().copied();
        let needed = before.filter(|_| can_fail);
        let is_needed = |sources: &Sources| needed.is_some_and(|needed| sources.recycles(&needed));
        let sources = match sources {
            Some(sources) if !is_needed(&sources) => sources,
            _ => self.sources(needed.as_ref())?,
        };
        Writing {
            site: self.site(),
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
        let latest = self.history().latest_first();
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
        let remembered = (self.history(), self.hold);
        let kept = retention::kept(self.site(), remembered, &hash, keep, self.request.now);
        for needed in kept.iter().chain(&self.live).chain(needed) {
            free.remove(needed);
        }
        Sources::find(self.site(), &order, self.live, &free, (self.ahead)())
    }

    /// Takes the bundle from this disk, or fetches all of it but the payload, and of that what comes
    /// with it.
    fn bundle(&self) -> Result<Supplied, InstallError> {
        let hash = self.resolved.hash;
        // What is damaged here is fetched again.
        if let Ok(Some(bundle)) = bundles::read(self.site(), &hash) {
            return Ok(Supplied::of(bundle));
        }
        let total = self.resolved.size;
        let client = match self.supply.source() {
            Source::Registry(client) => client,
            Source::File(file) => {
                let bundle = pull::take(self.site(), file, (hash, total))?;
                return Ok(Supplied::of(bundle));
            }
        };
        let known = releases::likeliest_first(self.site(), self.live)?;
        // What lies here is looked up while the registry answers.
        let (pulled, sources) = thread::scope(|scope| {
            let sources = scope.spawn(|| self.sources(None));
            let pulled = pull::pull(self.site(), client, (hash, total), &known, self.observer);
            let pulled = self.supply.wait(pulled);
            (pulled, sources.join())
        });
        let Pulled { bundle, pieces } = pulled?;
        bundles::store(self.site(), &bundle)?;
        Ok(Supplied {
            bundle,
            pieces: Some(pieces),
            sources: sources.ok().and_then(Result::ok),
        })
    }

    /// Writes the note of a tree that has none.
    fn note_tree(&self, bundle: &VerifiedBundle) -> Result<(), TreeError> {
        if self.site().note(&bundle.hash()).exists() {
            return Ok(());
        }
        let note = ReleaseNote::new(bundle, &self.resolved.promotion, self.request.now);
        note::write(self.site(), &note)
    }

    /// Removes what a failed install left. Only what is still good is kept: an interrupted
    /// download, which the next install goes on with. What cannot be removed now is swept then.
    fn clean_up(&self, error: &InstallError) {
        let hash = self.resolved.hash;
        let mut removed: Vec<Result<(), InstallError>> = Vec::new();
        if error.kind() == FailureKind::Refused {
            removed.push(remove::remove_tree(&self.site().spools()).map_err(Into::into));
            if !releases::is_on_disk(self.site(), &hash) {
                removed.push(bundles::remove(self.site(), &hash).map_err(Into::into));
            }
        }
        for error in removed.into_iter().filter_map(Result::err) {
            self.observer.note(&format!("swept later: {error}"));
        }
    }

    /// Makes the release live, or notes that it is live already.
    pub(super) fn activate(
        &self,
        (outcome, edits): (&Outcome, Option<Vec<String>>),
        activation: Activation,
        kept: Option<&Hold>,
    ) -> Result<Ended, InstallError> {
        let (site, request, observer) = (self.site(), self.request, self.observer);
        let activator = self.locked.activator(&request.hooks, request.now, observer);
        if *outcome != Outcome::AlreadyLive {
            let leaves = self.live.filter(|live| *live != self.resolved.hash);
            say_edits(site, leaves, edits, observer);
            return Ok(activator.begin(activation, kept.cloned())?);
        }
        if self.history().channel() == Some(&request.channel) {
            say_unrecorded(request, observer);
            hold::write(&site.hold(), kept)?;
            return Ok(Ended::Done);
        }
        Ok(activator.note(activation, kept.cloned())?)
    }

    /// Returns what the history will say about it.
    pub(super) fn activation(&self, revision: String, log: LogPosition) -> Activation {
        let request = self.request;
        let at_once = request.at_once.as_ref().or(request.allow_stale.as_ref());
        let skipped = self.skipped.iter();
        let skipped = skipped.map(|waiting| format!("at once instead of {waiting}"));
        let passed_over: Vec<_> = skipped.chain(self.stale.clone()).collect();
        let reason = at_once.and_then(|person| person.reason(&passed_over));
        Activation {
            number: output::next_number(self.site(), self.history()),
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
pub(super) fn say_unrecorded(request: &InstallRequest, observer: &dyn Observer) {
    let given = request.at_once.as_ref().or(request.allow_stale.as_ref());
    if given.is_some_and(|person| person.reason.is_some()) {
        observer.note("nothing was done, so the reason is not in the history");
    }
}
