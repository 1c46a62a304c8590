//! What every command that changes a project does first: finish or undo the step that a dead
//! process left open.

use super::activation::{Activator, Ended};
use super::current;
use super::error::LiveError;
use super::failed::FailedRelease;
use crate::failpoint::failpoint;
use crate::state::StateError;
use crate::state::journal;

/// What becomes of a release that was made live by a process that died before it was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproved {
    /// Its hooks and its checks run again.
    Prove,
    /// It is written down as it is: the command is about to leave it, and a person waits.
    Leave,
}

/// What was found of a process that died.
#[derive(Debug)]
pub(crate) enum Recovered {
    /// Nothing.
    Nothing,
    /// It had switched: the activation was written down now.
    Finished,
    /// It had switched, and that cannot be written down yet.
    Unwritten(StateError),
    /// It had switched, and the release failed.
    Failed(Box<FailedRelease>),
    /// It had not switched: the step was forgotten.
    Undone,
}

/// Finishes or undoes the open step, by its phase and by what `current` says.
pub(crate) fn recover(
    activator: &Activator<'_>,
    unproved: Unproved,
) -> Result<Recovered, LiveError> {
    let site = activator.site;
    let recovered = match journal::open_step(&site.journal())? {
        None => Recovered::Nothing,
        Some(step) => {
            failpoint!("recover::before-finish");
            // A return is always finished.
            if step.failed.is_none() && !activator.has_switched(&step)? {
                activator.undo(&step)?;
                Recovered::Undone
            } else {
                let ended = match unproved {
                    Unproved::Prove => activator.go_on(step),
                    Unproved::Leave => activator.abandon(step),
                };
                match ended {
                    Ok(Ended::Done) => Recovered::Finished,
                    Ok(Ended::Failed(failed)) => Recovered::Failed(failed),
                    Ok(Ended::Unwritten(error)) | Err(LiveError::State(error)) => {
                        Recovered::Unwritten(error)
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    };
    current::remove_temporary(site)?;
    if unproved == Unproved::Prove && !site.journal().exists() {
        activator.put_back();
    }
    Ok(recovered)
}
