//! Replay: the only judge of a log.
//!
//! Entry `i` is judged by the state after the entries before it, never by a clock: whose keys
//! count, which thresholds hold and what is revoked is decided by position. An entry that breaks
//! any rule is inert: it is a leaf of the tree and changes nothing else. All clients of all ages
//! must come to the same state, so a rule here changes only with a new type of statement.
//!
//! A later version of the policy stops the replay ([`ReplayError`]) when the root of the policy in
//! effect signed it: what comes after it cannot be judged by rules that it may have replaced. What
//! anybody else calls a policy of a later version is inert.

mod admit;
mod ahead;
mod approval;
mod entry;
mod examine;
mod judge;
mod policy;
mod promotion;
mod reason;
mod release;
mod revocation;
mod signers;
mod step;
mod tally;
mod verdict;
mod verified;

use crate::state::LogState;
pub use admit::{Admitted, Submission};
pub(crate) use ahead::{AT_ONCE, ReadEntry, read_ahead};
pub use approval::Approval;
pub use examine::{Examined, ExaminedSignature, signatures_of_policy};
use judge::judge;
pub use reason::{Reason, ScopePart};
pub(crate) use step::step;
pub use tally::Tally;
pub use verdict::{ReplayError, Verdict};

/// Appends entries to a state and tells what each of them did.
pub fn replay<'a>(
    mut state: LogState,
    entries: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(LogState, Vec<Verdict>), ReplayError> {
    let mut entries = entries.into_iter();
    let mut verdicts = Vec::new();
    loop {
        let next: Vec<&[u8]> = entries.by_ref().take(AT_ONCE).collect();
        if next.is_empty() {
            return Ok((state, verdicts));
        }
        for entry in read_ahead(&next, state.checked_policy()) {
            verdicts.push(step(&mut state, &entry)?);
        }
    }
}

impl LogState {
    /// Tells what an entry would do if it were the next one.
    pub fn judge(&self, entry: &[u8]) -> Result<Verdict, ReplayError> {
        Ok(match judge(self, &ReadEntry::new(entry))? {
            Ok(_) => Verdict::Effective,
            Err(reason) => Verdict::Inert(reason),
        })
    }
}
