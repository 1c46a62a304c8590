//! The journal of one project: the switch that was begun. It is there only between the two writes
//! around a switch, so a start that finds it knows that the last one died there.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::error::Error;
use crate::history::Activation;
use crate::hold::Hold;

/// A switch, and what is to be written once it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Step {
    /// The activation; its `from` and `hash` are the two places where `current` can be.
    pub(crate) activation: Activation,
    /// The hold afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold: Option<Hold>,
}

/// Writes down a step before it is made.
pub(crate) fn begin(path: &Path, step: &Step) -> Result<(), Error> {
    durable::write_json(path, step)
}

/// Reads the step that was begun and not ended.
pub(crate) fn open_step(path: &Path) -> Result<Option<Step>, Error> {
    durable::read_json(path)
}

/// Forgets the step.
pub(crate) fn end(path: &Path) -> Result<(), Error> {
    durable::remove(path)
}
