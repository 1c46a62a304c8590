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

mod going_back;
mod record;

use std::time::Instant;

use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::{Digest, Timestamp};

use super::broken::Broken;
use super::current;
use super::error::LiveError;
use super::failed::FailedRelease;
use super::hooks::{Hook, HookError, HookSettings, HookedRelease};
use crate::failpoint::failpoint;
use crate::observer::{Observer, with_causes};
use crate::platform::files;
use crate::site::{Command, Site};
use crate::state::history::{Activation, ActivationAction, ActivationResult};
use crate::state::journal::{self, Phase, Step};
use crate::state::{StateError, attempt, hold, output};
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
    /// When it was `now`.
    pub(crate) begun: Instant,
    pub(crate) observer: &'a dyn Observer,
}

impl Activator<'_> {
    /// The time by now: a download, a hook or a watch may have taken long.
    fn time(&self) -> Timestamp {
        let passed = i64::try_from(self.begun.elapsed().as_secs()).unwrap_or(0);
        Timestamp::from_seconds(self.now.as_seconds().saturating_add(passed)).unwrap_or(self.now)
    }

    /// Makes the release of an activation live, whose tree is complete, and durable but for its name.
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
        let (new, old) = match self.approach(&mut step) {
            Ok(releases) => releases,
            Err(error) => {
                attempt::failed(
                    self.site,
                    &step.activation,
                    error.kind(),
                    with_causes(&error),
                );
                journal::end(&self.site.journal())?;
                return Err(error);
            }
        };
        step.phase = Phase::Switch;
        self.write_down(&step)?;
        failpoint!("activation::journal-written");
        let switched = self.make_name_durable(&step).and_then(|()| {
            self.deactivate(&old);
            current::switch(self.site, &step.activation.hash)
        });
        if let Err(error) = switched {
            if !self.has_switched(&step)? {
                self.undo(&step)?;
            }
            return Err(error);
        }
        self.prove_and_record(step, &new)
    }

    /// Makes the name of the tree durable, behind the journal, whose sync does most of that on many
    /// file systems. A way back goes to a name that is durable.
    fn make_name_durable(&self, step: &Step) -> Result<(), LiveError> {
        match files::sync_directory(&self.site.releases()) {
            Err(error) if !goes_back(step) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Does all that comes before the switch, and changes nothing: opens both releases, runs the hook
    /// `prepare`, and takes the server out of its load balancer.
    fn approach(&self, step: &mut Step) -> Result<(HookedRelease, HookedRelease), LiveError> {
        let new = self.open(step, &step.activation.hash)?;
        let old = self.open_left(step);
        self.begin_output(&[&new, &old]);
        if new.wants(Hook::Prepare) || old.health.is_some() {
            self.write_down(step)?;
            failpoint!("activation::prepare-begun");
            self.prepare(step, &new, &old)?;
            failpoint!("activation::prepared");
        }
        self.drain(step, &new)?;
        Ok((new, old))
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
            return self.fail(step, reason.into());
        }
        match self.open(&step, &step.activation.hash) {
            Ok(release) => {
                self.begin_output(&[&release]);
                if !release.is_bare() {
                    release.keep("-- the installer was ended here, and what follows ran again\n");
                }
                self.prove_and_record(step, &release)
            }
            Err(error) => self.fail(step, with_causes(&error).into()),
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

    fn begin_output(&self, releases: &[&HookedRelease]) {
        if releases.iter().any(|release| !release.is_bare()) {
            output::begin(self.site);
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
            step.was_sick = Some(why.reason);
        }
        let prepared = new.run(Hook::Prepare);
        prepared.map_err(|broken| HookError::Prepare {
            failure: Box::new(broken),
            output: self.output_of(step),
        })?;
        if releases::is_on_disk(self.site, &step.activation.hash) {
            Ok(())
        } else {
            Err(HookError::TreeRemoved.into())
        }
    }

    /// The command that shows what the hooks of a step wrote.
    pub(super) fn output_of(&self, step: &Step) -> Command {
        let (project, number) = (self.site.project(), step.activation.number);
        Command::new(format!("history {project} --output {number}"))
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
            Err(broken) => self.fail(step, broken),
        }
    }

    /// Runs what shows that a release that is live works. Returns why it does not.
    fn prove(&self, step: &mut Step, release: &HookedRelease) -> Result<ActivationResult, Broken> {
        if !release.is_bare() {
            self.enter(step, Phase::Activate);
            failpoint!("activation::activate-begun");
            release.run(Hook::Activate)?;
            failpoint!("activation::activated");
            release.check_program()?;
        }
        let result = if let Some(checks) = &release.health {
            self.enter(step, Phase::Watch);
            failpoint!("activation::watch-begun");
            let watched = checks.watch(&|longest| release.check_command(longest));
            let said = watched.as_ref().err();
            let said = said.map_or("healthy", |broken| broken.reason.as_str());
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
            Err("its tree was removed".to_owned().into())
        }
    }

    /// Writes down that a phase after the switch begins. Where that cannot be written, a start finds
    /// an earlier phase, and does more again.
    fn enter(&self, step: &mut Step, phase: Phase) {
        step.phase = phase;
        let _ = journal::write(&self.site.journal(), step);
    }

    /// Ends what was written down as done, because the release turned out not to work.
    pub(crate) fn give_up(
        &self,
        activation: Activation,
        reason: String,
    ) -> Result<Ended, LiveError> {
        let step = Step {
            phase: Phase::Watch,
            activation,
            hold: hold::read(&self.site.hold())?,
            is_bare: self.settings.skip,
            was_sick: None,
            deaths: Vec::new(),
            failed: None,
        };
        self.fail(step, reason.into())
    }
}

/// Tells whether a step goes on where nothing can be written down: a return, and a rollback by a
/// person on this server. One of the channel is an install.
pub(super) const fn goes_back(step: &Step) -> bool {
    match step.activation.action {
        ActivationAction::Return => true,
        ActivationAction::Rollback => step.activation.by.is_some(),
        _ => false,
    }
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
fn look(release: &HookedRelease) -> Option<Result<(), Broken>> {
    let checks = release.health.as_ref()?;
    Some(checks.look(&|longest| release.check_command(longest)))
}
