//! The load balancer: a server leaves it before anything of its live release is touched, and comes
//! back once what is live has proved that it works, or is the release from before.
//!
//! A mark in the state says from before the first command to after the second that the server may
//! be out, so that a process that dies, or a command that fails, leaves work to the next one.

use super::activation::{Activator, goes_back};
use super::current;
use super::error::LiveError;
use super::hooks::{Hook, HookError, HookedRelease};
use crate::failpoint::failpoint;
use crate::observer::with_causes;
use crate::state::drained;
use crate::state::history::{Activation, ActivationAction, ActivationResult, History};
use crate::state::journal::Step;

impl Activator<'_> {
    /// Takes the server out. Where that fails, nothing goes on but a rollback, for which a person
    /// waits.
    pub(super) fn drain(&self, step: &Step, release: &HookedRelease) -> Result<(), LiveError> {
        if !release.wants(Hook::Drain) {
            return Ok(());
        }
        match drained::begin(self.site, self.now) {
            Err(error) if !goes_back(step) => return Err(error.into()),
            _ => {}
        }
        failpoint!("load-balancer::marked");
        match release.run(Hook::Drain) {
            Ok(()) => {}
            Err(broken) if goes_back(step) => {
                self.observer.note(&format!("going back anyway: {broken}"));
            }
            Err(broken) => {
                self.undrain(release);
                return Err(HookError::Drain {
                    failure: Box::new(broken),
                    output: self.output_of(step),
                }
                .into());
            }
        }
        failpoint!("load-balancer::drained");
        Ok(())
    }

    /// Puts the server back, if it may be out. A failure is said and left to the next command.
    pub(super) fn undrain(&self, release: &HookedRelease) {
        if !self.site.drained().exists() {
            return;
        }
        if let Err(broken) = release.run(Hook::Undrain) {
            drained::explain(self.site, &broken.reason);
            self.observer.note(&format!(
                "this server may be out of its load balancer, because {broken}; the next run tries \
                 again"
            ));
            return;
        }
        failpoint!("load-balancer::undrained");
        if let Err(error) = drained::end(self.site) {
            self.observer.note(&with_causes(&error));
        }
    }

    /// Puts a server back that an earlier process left out.
    pub(super) fn put_back(&self) {
        if !self.site.drained().exists() || self.settings.skip {
            return;
        }
        let history = History::read(&self.site.history()).unwrap_or_default();
        let live = current::read(self.site).ok().flatten();
        let known = live.and_then(|live| history.last_of(&live));
        let Some(known) = known else {
            self.say_out("nothing is live");
            return;
        };
        if is_sick(known) {
            self.say_out("the live release failed");
            return;
        }
        match HookedRelease::open(self.site, self.settings, &known.hash, known) {
            Ok(release) => self.undrain(&release),
            Err(error) => self.say_out(&with_causes(&error)),
        }
    }

    /// Says that the server stays out where what is live failed and nothing can be gone back to.
    pub(super) fn stay_out(&self) {
        if self.site.drained().exists() {
            self.say_out("the live release failed");
        }
    }

    fn say_out(&self, why: &str) {
        drained::explain(self.site, why);
        self.observer.note(&format!(
            "this server stays out of its load balancer, because {why}"
        ));
    }
}

/// A release that was returned to is the best that there is.
fn is_sick(activation: &Activation) -> bool {
    activation.result == ActivationResult::Failed && activation.action != ActivationAction::Return
}
