//! Makes a release live, phase by phase: the same steps for an install, for a rollback, and for a
//! start after a crash, which goes on from the phase that the journal names.
//!
//! A rollback also switches where nothing can be written down, on a state directory whose disk is
//! full or read-only: a person in an outage needs the earlier release more than the record of it,
//! which the next command that can makes from what is live.

use super::current;
use super::error::LiveError;
use crate::failpoint::failpoint;
use crate::site::Site;
use crate::state::journal::{self, Phase, Step};
use crate::state::{StateError, history, hold};

/// Begins a step, whose tree is complete and durable, and goes through all its phases.
pub(crate) fn activate(site: &Site, step: Step) -> Result<(), LiveError> {
    journal::write(&site.journal(), &step)?;
    failpoint!("activation::journal-written");
    go_on(site, step)
}

/// The same for a rollback. Returns why the switch, which was made, is not written down.
pub(crate) fn go_back(site: &Site, step: &Step) -> Result<Option<StateError>, LiveError> {
    let _ = journal::write(&site.journal(), step);
    failpoint!("activation::journal-written");
    current::switch(site, &step.activation.hash)?;
    if let Err(error) = record(site, step) {
        // A journal that could be written is what the next start finishes.
        return Ok(Some(error));
    }
    journal::end(&site.journal())?;
    failpoint!("activation::journal-removed");
    Ok(None)
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
    failpoint!("activation::journal-removed");
    Ok(())
}

/// Writes down a switch that happened.
fn record(site: &Site, step: &Step) -> Result<(), StateError> {
    let appended = history::append(&site.history(), &step.activation);
    failpoint!("activation::history-written");
    // The one may fit on a full disk although the other does not.
    hold::write(&site.hold(), step.hold.as_ref())?;
    failpoint!("activation::hold-written");
    appended
}
