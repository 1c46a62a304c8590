//! What every command that changes a project does first: finish or undo the step that a dead
//! process left open.

use super::error::LiveError;
use super::{activation, current};
use crate::failpoint::failpoint;
use crate::platform::files;
use crate::site::Site;
use crate::state::StateError;
use crate::state::journal::{self, Phase};

/// What was found of a process that died.
#[derive(Debug)]
pub(crate) enum Recovered {
    /// Nothing.
    Nothing,
    /// It had switched: the activation was written down now.
    Finished,
    /// It had switched, and that cannot be written down yet.
    Unwritten(StateError),
    /// It had not switched: the step was forgotten.
    Undone,
}

/// Finishes or undoes the open step, by its phase and by what `current` says. The project's lock
/// is held.
pub(crate) fn recover(site: &Site) -> Result<Recovered, LiveError> {
    let recovered = match journal::open_step(&site.journal())? {
        None => Recovered::Nothing,
        Some(mut step) => {
            failpoint!("recover::before-finish");
            let has_switched =
                step.phase > Phase::Switch || current::read(site)? == Some(step.activation.hash);
            if has_switched {
                // The rename may have been seen without having been made durable.
                files::sync_directory(site.folder())?;
                step.phase = Phase::Record.max(step.phase);
                match activation::go_on(site, step) {
                    Ok(()) => Recovered::Finished,
                    Err(LiveError::State(error)) => Recovered::Unwritten(error),
                    Err(error) => return Err(error),
                }
            } else {
                journal::end(&site.journal())?;
                Recovered::Undone
            }
        }
    };
    current::remove_temporary(site)?;
    Ok(recovered)
}
