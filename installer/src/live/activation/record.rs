//! What is written down of a step, before it and after it.

use std::mem;

use super::{Activator, Ended, goes_back};
use crate::failpoint::failpoint;
use crate::live::error::LiveError;
use crate::observer::with_causes;
use crate::state::history::{Activation, ActivationAction, ActivationResult};
use crate::state::journal::{self, Phase, Step};
use crate::state::{StateError, attempt, history, hold, quarantine};

impl Activator<'_> {
    /// Remembers that a release failed, as far as that can be written.
    pub(super) fn remember(&self, failed: &Activation) {
        let appended = history::append(&self.site.history(), failed);
        let quarantined = quarantine::add(self.site, failed);
        self.say_unwritten(appended.and(quarantined).err());
    }

    pub(super) fn say_unwritten(&self, error: Option<StateError>) {
        if let Some(error) = error {
            self.observer.note(&format!(
                "not everything about this could be written down: {}",
                with_causes(&error)
            ));
        }
    }

    pub(super) fn finish(&self, mut step: Step) -> Result<Ended, LiveError> {
        let unwritten = self.record(&mut step)?;
        Ok(unwritten.map_or(Ended::Done, Ended::Unwritten))
    }

    /// Writes down what came of a step. Returns why not, where that stops nothing: a journal that
    /// could be written is what the next start finishes.
    pub(super) fn record(&self, step: &mut Step) -> Result<Option<StateError>, LiveError> {
        // Where nothing ran, a start that finds the journal after a power cut only writes down the same
        // once more: nobody waits for the disk to forget it.
        let something_ran = mem::replace(&mut step.phase, Phase::Record) != Phase::Switch;
        if step.activation.result != ActivationResult::Activated {
            let _ = journal::write(&self.site.journal(), step);
        }
        match self.write_result(step) {
            Ok(()) => {}
            Err(error) if goes_back(step) => return Ok(Some(error)),
            Err(error) => return Err(error.into()),
        }
        if something_ran {
            journal::end(&self.site.journal())?;
        } else {
            journal::end_later(&self.site.journal())?;
        }
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
            attempt::forget(self.site, activation);
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
    pub(super) fn write_down(&self, step: &Step) -> Result<(), LiveError> {
        match journal::write(&self.site.journal(), step) {
            Err(error) if !goes_back(step) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
