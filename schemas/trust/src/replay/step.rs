//! One step of a replay: an entry judged, and what it changes.

use bulla_schemas::Digest;

use super::judge::judge;
use super::verdict::{ReplayError, Verdict};
use crate::state::LogState;

/// Appends one entry, whose leaf hash is known. An entry that stops the replay changes nothing.
pub(crate) fn step(
    state: &mut LogState,
    entry: &[u8],
    leaf: Digest,
) -> Result<Verdict, ReplayError> {
    let verdict = match judge(state, entry)? {
        Ok(effect) => {
            state.apply(effect);
            Verdict::Effective
        }
        Err(reason) => Verdict::Inert(reason),
    };
    state.push(leaf);
    Ok(verdict)
}
