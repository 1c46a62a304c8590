//! Accept: from a remembered state and what a registry or mirror offers to a new state, or a
//! refusal that changes nothing.
//!
//! The order: the log's name, its size against what is remembered and the anchor, then the entries
//! one by one, folded and replayed, and at the end the fold against the root, the anchor and the
//! signatures under the checkpoint, by the policy that the entries lead to, so that a log key can be
//! replaced by an entry of the log.
//!
//! [`Acceptance`] takes the entries in pieces and keeps none of them. What a lying log costs is
//! bounded: a checkpoint that no known log key signed lets in few entries, and entries without
//! effect, which no registry appends, are counted.

mod budget;
mod error;

use std::ops::Range;

use bulla_schemas::Digest;
use bulla_schemas::log::Anchor;

use crate::checkpoint::Checkpoint;
use crate::merkle::Peaks;
use crate::note::SignedNote;
use crate::policy::CheckedPolicy;
use crate::replay::{AT_ONCE, ReadEntry, ReplayError, Verdict, read_ahead, step};
use crate::state::LogState;
use crate::witness;
use budget::Budget;
pub use error::LogError;

/// What an offered log must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin<'a> {
    /// A continuation of the remembered state, which has entries.
    Remembered,
    /// A log that passes through this place. Also checked for a remembered state.
    Anchor(&'a Anchor),
    /// Any log, when nothing is remembered. Only when a person said so explicitly.
    FirstUse,
}

/// Verifies what was offered and returns the state that it leads to.
///
/// `checkpoint` is the signed note; `entries` are all entries from the size of `state` up to the
/// size in the checkpoint.
pub fn accept<E: AsRef<[u8]> + Sync>(
    state: &LogState,
    pin: Pin<'_>,
    checkpoint: &[u8],
    entries: &[E],
) -> Result<LogState, LogError> {
    let mut acceptance = Acceptance::begin(state, pin, checkpoint)?;
    let range = acceptance.missing();
    let (expected, found) = (range.end - range.start, entries.len() as u64);
    if expected != found {
        return Err(LogError::EntryCount { expected, found });
    }
    acceptance.take(entries)?;
    acceptance.finish()
}

/// A log that is verified piece by piece. Nothing counts before [`finish`](Self::finish).
#[derive(Debug)]
pub struct Acceptance<'a> {
    stored: &'a LogState,
    pin: Pin<'a>,
    checkpoint: Checkpoint,
    note: SignedNote,
    /// The fold of all entries taken.
    peaks: Peaks,
    /// What they lead to, up to the entry that stops the replay.
    next: LogState,
    stopped: Option<ReplayError>,
    budget: Budget,
    /// Whether a log key of a policy passed on the way signed the checkpoint.
    vouched: bool,
}

impl<'a> Acceptance<'a> {
    /// Begins to verify the log that a signed note, `checkpoint`, is about.
    pub fn begin(stored: &'a LogState, pin: Pin<'a>, checkpoint: &[u8]) -> Result<Self, LogError> {
        let (checkpoint, note) = Checkpoint::parse(checkpoint).map_err(LogError::Checkpoint)?;
        check_origin(stored, pin, &checkpoint)?;
        check_size(stored, &checkpoint, &note)?;
        check_reach(pin, &checkpoint)?;
        let mut acceptance = Self {
            stored,
            pin,
            checkpoint,
            note,
            peaks: stored.peaks().clone(),
            next: stored.clone(),
            stopped: None,
            budget: Budget::default(),
            vouched: false,
        };
        acceptance.look_for_signature();
        Ok(acceptance)
    }

    /// Returns which entries are still to be taken.
    pub fn missing(&self) -> Range<u64> {
        self.peaks.size()..self.checkpoint.size
    }

    /// Takes the next entries.
    pub fn take<E: AsRef<[u8]> + Sync>(
        &mut self,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<(), LogError> {
        let mut entries = entries.into_iter();
        loop {
            let next: Vec<E> = entries.by_ref().take(AT_ONCE).collect();
            if next.is_empty() {
                return Ok(());
            }
            let read = read_ahead(&next, self.next.checked_policy());
            for (entry, read) in next.iter().zip(read) {
                self.take_one(entry.as_ref(), &read)?;
            }
        }
    }

    fn take_one(&mut self, entry: &[u8], read: &ReadEntry) -> Result<(), LogError> {
        if self.missing().is_empty() {
            let expected = self.checkpoint.size - self.stored.size();
            let found = expected + 1;
            return Err(LogError::EntryCount { expected, found });
        }
        self.peaks.push(read.leaf);
        // What comes after a stop still decides whether this is the log of the checkpoint.
        if self.stopped.is_none() {
            self.replay(entry, read)?;
        }
        self.check_vouched(entry)?;
        self.check_anchor_passed()
    }

    fn replay(&mut self, entry: &[u8], read: &ReadEntry) -> Result<(), LogError> {
        let version = self.next.policy_version();
        match step(&mut self.next, read) {
            Ok(Verdict::Effective) => self.budget.effective(entry),
            Ok(Verdict::Inert(_)) => self.budget.inert(entry)?,
            Err(stop) => self.stopped = Some(stop),
        }
        if self.next.policy_version() != version {
            self.look_for_signature();
        }
        Ok(())
    }

    fn look_for_signature(&mut self) {
        let policy = self.next.checked_policy();
        self.vouched |= policy.is_some_and(|policy| check_signature(policy, &self.note).is_ok());
    }

    /// Goes no further on the word of a stranger. Up to the anchor its own word is enough.
    fn check_vouched(&mut self, entry: &[u8]) -> Result<(), LogError> {
        let anchored = match self.pin {
            Pin::Anchor(anchor) => self.peaks.size() <= anchor.position.size,
            Pin::Remembered | Pin::FirstUse => false,
        };
        if self.vouched || anchored {
            return Ok(());
        }
        self.budget.unvouched(entry, self.next.policy_version())
    }

    /// Checks the anchor where the log passes through it, so that another log ends there.
    fn check_anchor_passed(&self) -> Result<(), LogError> {
        match self.pin {
            Pin::Anchor(anchor)
                if anchor.position.size == self.peaks.size() && !self.missing().is_empty() =>
            {
                match_anchor(self.peaks.root(), anchor)
            }
            _ => Ok(()),
        }
    }

    /// Returns what the log leads to, if all of it is there, it is the log of its checkpoint, and as
    /// many witnesses cosigned that as have to.
    pub fn finish(self) -> Result<LogState, LogError> {
        let (stored, note) = (self.stored, self.note.clone());
        let next = self.finish_unwitnessed()?;
        check_witnesses(stored.checked_policy(), next.checked_policy(), &note)?;
        Ok(next)
    }

    /// The same, whether witnesses cosigned the checkpoint or not: for witnesses, and for people, who
    /// see what they append at once. Nothing is installed by it.
    pub fn finish_unwitnessed(self) -> Result<LogState, LogError> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(LogError::EntryCount {
                expected: missing.end - self.stored.size(),
                found: missing.start - self.stored.size(),
            });
        }
        if self.peaks.root() != self.checkpoint.root {
            return Err(LogError::RootMismatch {
                size: self.checkpoint.size,
                expected: self.checkpoint.root,
                found: self.peaks.root(),
            });
        }
        if let Some(stop) = self.stopped {
            return Err(stop.into());
        }
        let next = self.next;
        if let Pin::Anchor(anchor) = self.pin {
            check_anchor(&next, anchor)?;
        }
        let policy = next.checked_policy().ok_or(LogError::NoPolicy)?;
        // A registry chooses the name in its checkpoint, people the one in the policy.
        same_origin(&policy.policy().origin, &self.checkpoint)?;
        check_signature(policy, &self.note)?;
        Ok(next)
    }
}

fn check_origin(state: &LogState, pin: Pin<'_>, checkpoint: &Checkpoint) -> Result<(), LogError> {
    if let Pin::Anchor(anchor) = pin {
        same_origin(&anchor.origin, checkpoint)?;
    }
    match (state.origin(), pin) {
        (Some(origin), _) => same_origin(origin, checkpoint),
        (None, Pin::Remembered) => Err(LogError::NoAnchor),
        (None, Pin::Anchor(_) | Pin::FirstUse) => Ok(()),
    }
}

fn same_origin(expected: &str, checkpoint: &Checkpoint) -> Result<(), LogError> {
    if checkpoint.origin == expected {
        Ok(())
    } else {
        Err(LogError::WrongOrigin {
            expected: expected.to_owned(),
            found: checkpoint.origin.clone(),
        })
    }
}

fn check_size(
    state: &LogState,
    checkpoint: &Checkpoint,
    note: &SignedNote,
) -> Result<(), LogError> {
    if checkpoint.size < state.size() {
        return Err(LogError::Shrunk {
            remembered: state.size(),
            offered: checkpoint.size,
        });
    }
    if checkpoint.size == state.size() && checkpoint.root != state.root() {
        // It is a fork only if the log itself said both; anybody can write a note.
        if let Some(policy) = state.checked_policy() {
            check_signature(policy, note)?;
        }
        return Err(LogError::Fork {
            size: checkpoint.size,
            remembered: state.root(),
            offered: checkpoint.root,
        });
    }
    Ok(())
}

/// Refuses a log that ends before the anchor, before any of its entries is read.
fn check_reach(pin: Pin<'_>, checkpoint: &Checkpoint) -> Result<(), LogError> {
    match pin {
        Pin::Anchor(anchor) if checkpoint.size < anchor.position.size => {
            Err(LogError::BehindAnchor {
                anchor: anchor.position.size,
                offered: checkpoint.size,
            })
        }
        _ => Ok(()),
    }
}

fn check_anchor(state: &LogState, anchor: &Anchor) -> Result<(), LogError> {
    let size = anchor.position.size;
    let found = state.root_at(size).ok_or(LogError::BehindAnchor {
        anchor: size,
        offered: state.size(),
    })?;
    match_anchor(found, anchor)
}

fn match_anchor(found: Digest, anchor: &Anchor) -> Result<(), LogError> {
    if found == anchor.position.root {
        Ok(())
    } else {
        Err(LogError::AnchorMismatch {
            size: anchor.position.size,
            expected: anchor.position.root,
            found,
        })
    }
}

fn check_signature(policy: &CheckedPolicy, note: &SignedNote) -> Result<(), LogError> {
    if policy.log_keys().iter().any(|key| note.is_signed_by(key)) {
        Ok(())
    } else {
        Err(LogError::BadSignature {
            policy_version: policy.policy().version,
        })
    }
}

/// Asks for the witnesses of both policies: stolen keys of a former root must not be able to replace the
/// witnesses on a fork.
fn check_witnesses(
    known: Option<&CheckedPolicy>,
    next: Option<&CheckedPolicy>,
    note: &SignedNote,
) -> Result<(), LogError> {
    let Some(next) = next else {
        return Ok(());
    };
    let Some(known) = known else {
        return check_quorum(next, note);
    };
    let is_exchanged = next.witness_keys() != known.witness_keys();
    match check_quorum(known, note) {
        Err(LogError::Quorum { expected, found })
            if is_exchanged && witness::has_quorum(next, note) =>
        {
            let witnesses = known.witness_keys().iter();
            Err(LogError::OtherWitnesses {
                expected,
                found,
                known: witnesses.map(|key| key.name().to_owned()).collect(),
            })
        }
        judged => judged.and_then(|()| check_quorum(next, note)),
    }
}

fn check_quorum(policy: &CheckedPolicy, note: &SignedNote) -> Result<(), LogError> {
    let expected = policy.policy().witnesses.quorum;
    let found = witness::count(policy, note);
    if found >= expected {
        Ok(())
    } else {
        Err(LogError::Quorum { expected, found })
    }
}
