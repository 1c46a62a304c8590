//! The journal of one project: the activation that was begun, and the phase that it is in. It is
//! there only from before the first hook until all that follows is written, so a start that finds
//! it knows that the last one died there.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::history::Activation;
use super::hold::Hold;
use super::json;
use crate::platform::files;

/// An activation that is under way, and what is to be written once it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// How far it has come.
    #[serde(default)]
    pub(crate) phase: Phase,
    /// The activation; its `from` and `hash` are the two places where `current` can be.
    pub(crate) activation: Activation,
    /// The hold afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold: Option<Hold>,
    /// Whether neither hooks nor checks run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_bare: bool,
    /// Why the release that is left was sick before: then nothing returns to it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) was_sick: Option<String>,
    /// The phases in which a process died that did this, or had its power cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) deaths: Vec<Phase>,
    /// The activation that failed, of which this one is the return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<Box<Activation>>,
}

/// What is being done. A phase can be done again by a start after a crash, so each is written to
/// be repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// The release that is left is checked, and the hook `prepare` runs. Nothing is changed yet.
    Prepare,
    /// The hook `deactivate` runs and `current` is switched; where it points tells whether that
    /// happened.
    #[default]
    Switch,
    /// The switch is durable; the hook `activate` runs.
    Activate,
    /// The release's health is watched.
    Watch,
    /// What came of it is known; history, hold and quarantine are written.
    Record,
}

impl Step {
    /// Notes that a process died in the phase that the step is in. Tells whether that was not the
    /// first one while something of the release ran: then it was no accident.
    pub(crate) fn note_death(&mut self) -> bool {
        let something_ran = matches!(self.phase, Phase::Activate | Phase::Watch);
        let is_second = self.deaths.contains(&self.phase);
        if something_ran && !is_second {
            self.deaths.push(self.phase);
        }
        is_second
    }
}

/// Writes down a step before it is made.
pub(crate) fn write(path: &Path, step: &Step) -> Result<(), StateError> {
    json::write(path, step)
}

/// Reads the step that was begun and not ended.
pub(crate) fn open_step(path: &Path) -> Result<Option<Step>, StateError> {
    json::read(path)
}

/// Forgets the step.
pub(crate) fn end(path: &Path) -> Result<(), StateError> {
    files::remove(path)?;
    Ok(())
}

/// Forgets the step; for good once its file system is synced.
pub(crate) fn end_later(path: &Path) -> Result<(), StateError> {
    Ok(files::remove_later(path)?)
}
