//! One step of a replay: an entry judged, and what it changes.

use super::ahead::ReadEntry;
use super::judge::judge;
use super::verdict::{ReplayError, Verdict};
use crate::state::LogState;

/// Appends one entry. An entry that stops the replay changes nothing.
pub(crate) fn step(state: &mut LogState, entry: &ReadEntry) -> Result<Verdict, ReplayError> {
    let verdict = match judge(state, entry)? {
        Ok(effect) => {
            state.apply(effect);
            Verdict::Effective
        }
        Err(reason) => Verdict::Inert(reason),
    };
    state.push(entry.leaf);
    Ok(verdict)
}
