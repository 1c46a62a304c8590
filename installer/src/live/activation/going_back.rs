//! The way back from a release that failed: one step of its own, once.

use bulla_schemas::Digest;

use super::{Activator, Ended};
use crate::failpoint::failpoint;
use crate::live::broken::Broken;
use crate::live::current;
use crate::live::error::LiveError;
use crate::live::failed::FailedRelease;
use crate::live::hooks::{Hook, HookedRelease};
use crate::observer::with_causes;
use crate::state::history::{Activation, ActivationAction, ActivationResult, History};
use crate::state::journal::{Phase, Step};
use crate::tree::releases;

impl Activator<'_> {
    /// Ends a step whose release failed: goes back to the one before, or says why not.
    pub(super) fn fail(&self, mut step: Step, broken: Broken) -> Result<Ended, LiveError> {
        let before = self.before(&step);
        step.activation.result = ActivationResult::Failed;
        step.activation.failure = Some(broken.reason);
        step.activation.failed_at = Some(self.time());
        step.activation.output = broken.output;
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
                failed_at: None,
                output: None,
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
    pub(super) fn go_back(
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
        self.begin_output(&[&release, &left]);
        if !self.has_switched(&step)? {
            if let Err(broken) = release.run(Hook::Prepare) {
                self.observer.note(&format!("going back: {broken}"));
            }
            self.deactivate(&left);
            current::switch(self.site, &hash)?;
        }
        let proved = match deadly {
            Some(why) => Err(why.into()),
            None => self.prove(&mut step, &release),
        };
        match proved {
            Ok(result) => step.activation.result = result,
            Err(broken) => {
                step.activation.result = ActivationResult::Failed;
                step.activation.failure = Some(broken.reason);
                step.activation.failed_at = Some(self.time());
                step.activation.output = broken.output;
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
            failure: Broken {
                reason: failed.failure.clone().unwrap_or_default(),
                output: failed.output.clone(),
            },
            back,
            is_worse,
        }))
    }
}
