//! What every command that changes a project does first: finish or undo the step that a dead
//! process left open, and sweep what it had staged.

use crate::activate;
use crate::current;
use crate::durable;
use crate::error::Error;
use crate::failpoint::failpoint;
use crate::journal;
use crate::layout::Place;
use crate::remove;

/// What was found of a process that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovered {
    /// Nothing.
    Nothing,
    /// It had switched: the activation was written down now.
    Finished,
    /// It had not switched: the step was forgotten.
    Undone,
}

/// Finishes or undoes the open step, by what `current` says. The project's lock is held.
pub(crate) fn recover(place: &Place) -> Result<Recovered, Error> {
    let recovered = match journal::open_step(&place.journal())? {
        None => Recovered::Nothing,
        Some(step) => {
            failpoint!("recover::before-finish");
            if current::read(place)? == Some(step.activation.hash) {
                // The rename may have been seen without having been made durable.
                durable::sync_directory(place.site())?;
                activate::finish(place, &step)?;
                Recovered::Finished
            } else {
                journal::end(&place.journal())?;
                Recovered::Undone
            }
        }
    };
    current::remove_temporary(place)?;
    remove::remove_tree(&place.staging())?;
    Ok(recovered)
}
