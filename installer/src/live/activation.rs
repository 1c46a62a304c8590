//! Makes a release live, phase by phase: the same steps for an install, for a rollback, and for a
//! start after a crash, which goes on from the phase that the journal names.

use super::current;
use super::error::LiveError;
use crate::failpoint::failpoint;
use crate::site::Site;
use crate::state::journal::{self, Phase, Step};
use crate::state::{history, hold};

/// Begins a step, whose tree is complete and durable, and goes through all its phases.
pub(crate) fn activate(site: &Site, step: Step) -> Result<(), LiveError> {
    journal::write(&site.journal(), &step)?;
    failpoint!("activate::journal-written");
    go_on(site, step)
}

/// Goes on from the phase that a step is in.
pub(crate) fn go_on(site: &Site, mut step: Step) -> Result<(), LiveError> {
    loop {
        match step.phase {
            Phase::Switch => current::switch(site, &step.activation.hash)?,
            Phase::Record => record(site, &step)?,
        }
        match step.phase.next() {
            Some(next) => step.phase = next,
            None => break,
        }
    }
    journal::end(&site.journal())?;
    failpoint!("activate::journal-removed");
    Ok(())
}

/// Writes down a switch that happened.
fn record(site: &Site, step: &Step) -> Result<(), LiveError> {
    history::append(&site.history(), &step.activation)?;
    failpoint!("activate::history-written");
    hold::write(&site.hold(), step.hold.as_ref())?;
    failpoint!("activate::hold-written");
    Ok(())
}
