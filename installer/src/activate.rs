//! Makes a release live: journal, switch, history, hold. The same function for install and
//! rollback, and the same second half for a start after a crash.

use crate::current;
use crate::error::Error;
use crate::failpoint::failpoint;
use crate::history;
use crate::hold;
use crate::journal::{self, Step};
use crate::layout::Place;

/// Switches `current` to the step's release, whose tree is complete and durable.
pub(crate) fn activate(place: &Place, step: &Step) -> Result<(), Error> {
    journal::begin(&place.journal(), step)?;
    failpoint!("activate::journal-written");
    current::switch(place, &step.activation.hash)?;
    finish(place, step)
}

/// Writes down a switch that happened.
pub(crate) fn finish(place: &Place, step: &Step) -> Result<(), Error> {
    history::append(&place.history(), &step.activation)?;
    failpoint!("activate::history-written");
    hold::write(&place.hold(), step.hold.as_ref())?;
    failpoint!("activate::hold-written");
    journal::end(&place.journal())?;
    failpoint!("activate::journal-removed");
    Ok(())
}
