//! Makes a release live, phase by phase: the same steps for an install, for a rollback, for the
//! return from a release that failed, and for a start after a crash.
//!
//! ```text
//! prepare     the release that is left is checked; the hook `prepare`; a failure changes nothing
//! switch      the server leaves its load balancer; the hook `deactivate` of the release that is left;
//!             `current` is switched
//! activate    the hook `activate`
//! watch       the health checks
//! record      history, hold and quarantine are written; the server is put back
//!
//! activate, watch ── failure ──▶ a step of its own, back to the release before, once
//! ```
//!
//! The journal names each phase before it begins; one in which nothing runs is passed over. A start
//! that finds `prepare` undoes the step; one that finds it switched runs hooks and checks again,
//! since nothing says how far they came. The second death in the same phase counts as a failure.
//!
//! A rollback and a return also switch where nothing can be written down, on a state directory
//! whose disk is full or read-only: a person in an outage needs the other release more than the
//! record of it, which the next command that can makes from what is live.

use bulla_schemas::{Digest, Timestamp};

use super::current;
use super::error::LiveError;
use super::failed::FailedRelease;
use super::hooks::{Hook, HookError, HookSettings, HookedRelease};
use crate::failpoint::failpoint;
use crate::observer::Observer;
use crate::platform::files;
use crate::site::Site;
use crate::state::history::{Activation, ActivationAction, ActivationResult, History};
use crate::state::journal::{self, Phase, Step};
use crate::state::{StateError, history, hold, output, quarantine, with_causes};
use crate::tree::releases;

/// What came of a step.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The release is live and written down.
    Done,
    /// It is live, and that could not be written down.
    Unwritten(StateError),
    /// It failed.
    Failed(Box<FailedRelease>),
}

/// Takes steps on one project, whose lock is held.
#[derive(Clone, Copy)]
pub(crate) struct Activator<'a> {
    pub(crate) site: &'a Site,
    pub(crate) settings: &'a HookSettings,
    pub(crate) now: Timestamp,
    pub(crate) observer: &'a dyn Observer,
}

impl Activator<'_> {
    /// Makes the release of an activation live, whose tree is complete and durable.
    pub(crate) fn begin(
        &self,
        activation: Activation,
        hold: Option<hold::Hold>,
    ) -> Result<Ended, LiveError> {
        let mut step = Step {
            phase: Phase::Prepare,
            activation,
            hold,
            is_bare: self.settings.skip,
            was_sick: None,
            deaths: Vec::new(),
            failed: None,
        };
        let new = self.open(&step, &step.activation.hash)?;
        let old = self.open_left(&step);
        self.begin_output(&step, &[&new, &old]);
        if new.wants(Hook::Prepare) || old.health.is_some() {
            self.write_down(&step)?;
            failpoint!("activation::prepare-begun");
            if let Err(error) = self.prepare(&mut step, &new, &old) {
                journal::end(&self.site.journal())?;
                return Err(error);
            }
            failpoint!("activation::prepared");
        }
        if let Err(error) = self.drain(&step, &new) {
            journal::end(&self.site.journal())?;
            return Err(error);
        }
        step.phase = Phase::Switch;
        self.write_down(&step)?;
        failpoint!("activation::journal-written");
        self.deactivate(&old);
        if let Err(error) = current::switch(self.site, &step.activation.hash) {
            if !self.has_switched(&step)? {
                self.undo(&step)?;
            }
            return Err(error);
        }
        self.prove_and_record(step, &new)
    }

    /// Writes down that a release is live, which nothing was changed for.
    pub(crate) fn note(
        &self,
        activation: Activation,
        hold: Option<hold::Hold>,
    ) -> Result<Ended, LiveError> {
        let settings = HookSettings {
            skip: true,
            ..HookSettings::default()
        };
        let bare = Activator {
            settings: &settings,
            ..*self
        };
        bare.begin(activation, hold)
    }

    /// Goes on with a step that a dead process left after its switch: what it proved is not known.
    /// It is proved again once. A release that ends a second process in the same phase has failed,
    /// or no command would ever get past it.
    pub(crate) fn go_on(&self, mut step: Step) -> Result<Ended, LiveError> {
        // The rename may have been seen without having been made durable.
        files::sync_directory(self.site.folder())?;
        if step.phase == Phase::Record {
            return self.finish(step);
        }
        let deadly = step.note_death().then(|| deadly(step.phase));
        // Before anything runs that may end this process too.
        let _ = journal::write(&self.site.journal(), &step);
        if let Some(failed) = step.failed.clone() {
            return self.go_back(step, &failed, deadly);
        }
        if let Some(reason) = deadly {
            return self.fail(step, reason);
        }
        match self.open(&step, &step.activation.hash) {
            Ok(release) => {
                self.begin_output(&step, &[&release]);
                self.prove_and_record(step, &release)
            }
            Err(error) => self.fail(step, with_causes(&error)),
        }
    }

    /// Writes down what is known of a step, without proving anything of the release: a person is
    /// about to leave it.
    pub(crate) fn abandon(&self, step: Step) -> Result<Ended, LiveError> {
        files::sync_directory(self.site.folder())?;
        if let Some(failed) = &step.failed {
            self.remember(failed);
        }
        if self.has_switched(&step)? {
            return self.finish(step);
        }
        journal::end(&self.site.journal())?;
        Ok(Ended::Done)
    }

    /// Forgets a step that did not switch. The release that stays live is activated again where it
    /// may have been told that it is left.
    pub(crate) fn undo(&self, step: &Step) -> Result<(), LiveError> {
        if step.phase == Phase::Switch {
            let old = self.open_left(step);
            if old.wants(Hook::Deactivate)
                && let Err(broken) = old.run(Hook::Activate)
            {
                self.observer
                    .note(&format!("the release that stays live: {broken}"));
            }
        }
        journal::end(&self.site.journal())?;
        self.put_back();
        Ok(())
    }

    /// Tells whether a step came to its switch.
    pub(crate) fn has_switched(&self, step: &Step) -> Result<bool, LiveError> {
        Ok(match step.phase {
            Phase::Prepare => false,
            Phase::Switch => current::read(self.site)? == Some(step.activation.hash),
            Phase::Activate | Phase::Watch | Phase::Record => true,
        })
    }

    fn open(&self, step: &Step, hash: &Digest) -> Result<HookedRelease, HookError> {
        if step.is_bare {
            return Ok(HookedRelease::default());
        }
        HookedRelease::open(self.site, self.settings, hash, &step.activation)
    }

    /// Opens the release that is left; whatever is wrong with it stops nothing.
    fn open_left(&self, step: &Step) -> HookedRelease {
        let other = |hash: &Digest| *hash != step.activation.hash;
        let Some(left) = step.activation.from.filter(other) else {
            return HookedRelease::default();
        };
        self.open(step, &left).unwrap_or_else(|error| {
            self.observer.note(&format!(
                "nothing runs for {}, which is left: {}",
                left.short(),
                with_causes(&error)
            ));
            HookedRelease::default()
        })
    }

    fn begin_output(&self, step: &Step, releases: &[&HookedRelease]) {
        if releases.iter().any(|release| !release.is_bare()) {
            output::begin(self.site, step.activation.number);
        }
    }

    fn prepare(
        &self,
        step: &mut Step,
        new: &HookedRelease,
        old: &HookedRelease,
    ) -> Result<(), LiveError> {
        if let Some(Err(why)) = look(old) {
            old.keep(&format!("-- health before the switch: {why}\n"));
            self.observer.note(&format!(
                "the release that is left is not healthy, and is not returned to: {why}"
            ));
            step.was_sick = Some(why);
        }
        let prepared = new.run(Hook::Prepare);
        prepared.map_err(|broken| HookError::Prepare(Box::new(broken)))?;
        if releases::is_on_disk(self.site, &step.activation.hash) {
            Ok(())
        } else {
            Err(HookError::TreeRemoved.into())
        }
    }

    fn deactivate(&self, old: &HookedRelease) {
        if let Err(broken) = old.run(Hook::Deactivate) {
            self.observer
                .note(&format!("the release that is left: {broken}"));
        }
        failpoint!("activation::deactivated");
    }

    fn prove_and_record(
        &self,
        mut step: Step,
        release: &HookedRelease,
    ) -> Result<Ended, LiveError> {
        match self.prove(&mut step, release) {
            Ok(result) => {
                step.activation.result = result;
                let ended = self.finish(step)?;
                self.undrain(release);
                Ok(ended)
            }
            Err(reason) => self.fail(step, reason),
        }
    }

    /// Runs what shows that a release that is live works. Returns why it does not.
    fn prove(&self, step: &mut Step, release: &HookedRelease) -> Result<ActivationResult, String> {
        if !release.is_bare() {
            self.enter(step, Phase::Activate);
            failpoint!("activation::activate-begun");
            release
                .run(Hook::Activate)
                .map_err(|broken| broken.to_string())?;
            failpoint!("activation::activated");
        }
        let result = if let Some(checks) = &release.health {
            self.enter(step, Phase::Watch);
            failpoint!("activation::watch-begun");
            let watched = checks.watch(&|longest| check(release, longest));
            let said = watched.as_ref().map_or_else(String::as_str, |()| "healthy");
            release.keep(&format!("-- health: {said}\n"));
            watched?;
            failpoint!("activation::watched");
            ActivationResult::Healthy
        } else {
            ActivationResult::Activated
        };
        if release.is_there() {
            Ok(result)
        } else {
            Err("its tree was removed".to_owned())
        }
    }

    /// Writes down that a phase after the switch begins. Where that cannot be written, a start finds
    /// an earlier phase, and does more again.
    fn enter(&self, step: &mut Step, phase: Phase) {
        step.phase = phase;
        let _ = journal::write(&self.site.journal(), step);
    }

    /// Ends a step whose release failed: goes back to the one before, or says why not.
    fn fail(&self, mut step: Step, reason: String) -> Result<Ended, LiveError> {
        let before = self.before(&step);
        step.activation.result = ActivationResult::Failed;
        step.activation.failure = Some(reason);
        let why = match before {
            Ok(before) => return self.begin_return(step, before),
            Err(why) => why,
        };
        let unwritten = self.record(&mut step)?;
        self.say_unwritten(unwritten);
        self.stay_out();
        Ok(self.failed(&step.activation, Err(why), None))
    }

    /// Returns the activation to go back to, or why there is none.
    fn before(&self, step: &Step) -> Result<Activation, String> {
        let from = step.activation.from.ok_or("nothing was live before")?;
        if from == step.activation.hash {
            return Err("it was live before".to_owned());
        }
        if let Some(why) = &step.was_sick {
            return Err(format!("{} was not healthy before: {why}", from.short()));
        }
        if !releases::is_on_disk(self.site, &from) {
            return Err(format!("the tree of {} is gone", from.short()));
        }
        let history = History::read(&self.site.history()).unwrap_or_default();
        let known = history.last_of(&from).cloned();
        Ok(known.unwrap_or_else(|| Activation {
            hash: from,
            ..step.activation.clone()
        }))
    }

    /// Begins the one step that follows a failure by itself.
    fn begin_return(&self, step: Step, before: Activation) -> Result<Ended, LiveError> {
        let failed = step.activation;
        let back = Step {
            phase: Phase::Switch,
            activation: Activation {
                number: failed.number + 1,
                action: ActivationAction::Return,
                from: Some(failed.hash),
                activated_at: self.now,
                log: failed.log,
                by: None,
                reason: Some(format!("{} failed", failed.hash.short())),
                result: ActivationResult::Activated,
                failure: None,
                ..before
            },
            hold: None,
            is_bare: step.is_bare,
            was_sick: None,
            deaths: Vec::new(),
            failed: Some(Box::new(failed.clone())),
        };
        self.write_down(&back)?;
        failpoint!("activation::return-begun");
        self.go_back(back, &failed, None)
    }

    /// Goes back from a release that failed. Nothing stops that, and nothing follows it. Nothing is
    /// run where that would be `deadly` to this process, as it was to two before.
    fn go_back(
        &self,
        mut step: Step,
        failed: &Activation,
        deadly: Option<String>,
    ) -> Result<Ended, LiveError> {
        step.is_bare |= deadly.is_some();
        self.remember(failed);
        failpoint!("activation::failure-written");
        let hash = step.activation.hash;
        let release = self.open(&step, &hash).unwrap_or_else(|error| {
            let why = with_causes(&error);
            self.observer
                .note(&format!("nothing runs for {}: {why}", hash.short()));
            HookedRelease::default()
        });
        let left = self.open_left(&step);
        self.begin_output(&step, &[&release, &left]);
        if !self.has_switched(&step)? {
            if let Err(broken) = release.run(Hook::Prepare) {
                self.observer.note(&format!("going back: {broken}"));
            }
            self.deactivate(&left);
            current::switch(self.site, &hash)?;
        }
        let proved = match deadly {
            Some(why) => Err(why),
            None => self.prove(&mut step, &release),
        };
        match proved {
            Ok(result) => step.activation.result = result,
            Err(why) => {
                step.activation.result = ActivationResult::Failed;
                step.activation.failure = Some(why);
            }
        }
        let unwritten = self.record(&mut step)?;
        self.say_unwritten(unwritten);
        self.undrain(&release);
        Ok(self.failed(failed, Ok(hash), step.activation.failure))
    }

    fn failed(
        &self,
        failed: &Activation,
        back: Result<Digest, String>,
        is_worse: Option<String>,
    ) -> Ended {
        Ended::Failed(Box::new(FailedRelease {
            project: self.site.project().clone(),
            hash: failed.hash,
            number: failed.number,
            reason: failed.failure.clone().unwrap_or_default(),
            back,
            is_worse,
        }))
    }

    /// Remembers that a release failed, as far as that can be written.
    fn remember(&self, failed: &Activation) {
        let appended = history::append(&self.site.history(), failed);
        let quarantined = quarantine::add(self.site, failed);
        self.say_unwritten(appended.and(quarantined).err());
    }

    fn say_unwritten(&self, error: Option<StateError>) {
        if let Some(error) = error {
            self.observer.note(&format!(
                "not everything about this could be written down: {}",
                with_causes(&error)
            ));
        }
    }

    fn finish(&self, mut step: Step) -> Result<Ended, LiveError> {
        let unwritten = self.record(&mut step)?;
        Ok(unwritten.map_or(Ended::Done, Ended::Unwritten))
    }

    /// Writes down what came of a step. Returns why not, where that stops nothing: a journal that
    /// could be written is what the next start finishes.
    fn record(&self, step: &mut Step) -> Result<Option<StateError>, LiveError> {
        step.phase = Phase::Record;
        if step.activation.result != ActivationResult::Activated {
            let _ = journal::write(&self.site.journal(), step);
        }
        match self.write_result(step) {
            Ok(()) => {}
            Err(error) if goes_back(step) => return Ok(Some(error)),
            Err(error) => return Err(error.into()),
        }
        journal::end(&self.site.journal())?;
        failpoint!("activation::journal-removed");
        Ok(None)
    }

    fn write_result(&self, step: &Step) -> Result<(), StateError> {
        let activation = &step.activation;
        let appended = history::append(&self.site.history(), activation);
        failpoint!("activation::history-written");
        // A return leaves things as they were. The one may fit on a full disk although the other does
        // not.
        if activation.action != ActivationAction::Return {
            hold::write(&self.site.hold(), step.hold.as_ref())?;
            failpoint!("activation::hold-written");
            match activation.result {
                ActivationResult::Failed => quarantine::add(self.site, activation)?,
                _ if step.is_bare => {}
                _ => drop(quarantine::remove(self.site, |hash| {
                    *hash == activation.hash
                })?),
            }
        }
        appended
    }

    /// Writes down a phase before it begins.
    fn write_down(&self, step: &Step) -> Result<(), LiveError> {
        match journal::write(&self.site.journal(), step) {
            Err(error) if !goes_back(step) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Tells whether a step goes on where nothing can be written down.
pub(super) const fn goes_back(step: &Step) -> bool {
    matches!(
        step.activation.action,
        ActivationAction::Rollback | ActivationAction::Return
    )
}

/// Says that two processes ended in a phase.
fn deadly(phase: Phase) -> String {
    let during = match phase {
        Phase::Watch => "its health was watched",
        _ => "its hook `activate` ran",
    };
    format!("the installer was ended twice while {during}")
}

/// Looks whether a release that is about to be left is healthy, where that can be told.
fn look(release: &HookedRelease) -> Option<Result<(), String>> {
    let checks = release.health.as_ref()?;
    Some(checks.look(&|longest| check(release, longest)))
}

fn check(release: &HookedRelease, longest: std::time::Duration) -> Result<(), String> {
    let checked = release.check_command(longest);
    checked.map_err(|broken| broken.to_string())
}
