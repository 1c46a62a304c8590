//! Accept: from a remembered state and what a registry or mirror offers to a new state, or a
//! refusal that changes nothing.
//!
//! The order: the log's name, its size against what is remembered and the anchor, then the entries one by one,
//! folded and replayed, and at the end the fold against the root, the anchor and the signatures
//! under the checkpoint, by the policy that the entries lead to, so that a log key can be replaced
//! by an entry of the log.
//!
//! [`Acceptance`] takes the entries in pieces and keeps none of them. What a lying log costs is
//! bounded: a checkpoint that no known log key signed lets in few entries, and entries without
//! effect, which no registry appends, are counted.

use std::ops::Range;

use bulla_schemas::Digest;
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::{Peaks, leaf_hash};
use crate::note::SignedNote;
use crate::policy::CheckedPolicy;
use crate::replay::{ReplayError, Verdict, step};
use crate::state::LogState;

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

/// Why an offered log is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Nothing is remembered and nothing was given to start from.
    #[error("nothing is known about this log, so it cannot be verified")]
    NoAnchor,
    /// The checkpoint is not one.
    #[error("the log's checkpoint cannot be read")]
    Checkpoint(#[source] CheckpointError),
    /// Another log.
    #[error("expected the log `{expected}`, found {found:?}")]
    WrongOrigin {
        /// The log's name.
        expected: String,
        /// The name in the checkpoint.
        found: String,
    },
    /// An older log than the one remembered.
    #[error("the log shrank: remembered size {remembered}, offered {offered}")]
    Shrunk {
        /// The size remembered.
        remembered: u64,
        /// The size in the checkpoint.
        offered: u64,
    },
    /// Two histories of one size, both signed by the log.
    #[error("the log forked: at size {size} remembered root {remembered}, offered {offered}", remembered = .remembered.hex(), offered = .offered.hex())]
    Fork {
        /// The size of both.
        size: u64,
        /// The root remembered.
        remembered: Digest,
        /// The root in the checkpoint.
        offered: Digest,
    },
    /// More or fewer entries than the checkpoint covers.
    #[error("expected {expected} new entries of the log, found {found}")]
    EntryCount {
        /// How many the checkpoint covers beyond the remembered size.
        expected: u64,
        /// How many were offered.
        found: u64,
    },
    /// The entries are not those that the checkpoint is about.
    #[error("the log's entries do not lead to its checkpoint: expected root {expected} at size {size}, found {found}", expected = .expected.hex(), found = .found.hex())]
    RootMismatch {
        /// The size in the checkpoint.
        size: u64,
        /// The root in the checkpoint.
        expected: Digest,
        /// The root over the remembered and the offered entries.
        found: Digest,
    },
    /// An entry that stops the replay.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The log does not begin with a policy that holds.
    #[error("the log does not begin with a valid policy")]
    NoPolicy,
    /// The log ends before the anchor.
    #[error("the log is older than the anchor: anchor at size {anchor}, offered {offered}")]
    BehindAnchor {
        /// The anchor's size.
        anchor: u64,
        /// The size in the checkpoint.
        offered: u64,
    },
    /// The log does not pass through the anchor.
    #[error("the log is not the one of the anchor: at size {size} expected root {expected}, found {found}", expected = .expected.hex(), found = .found.hex())]
    AnchorMismatch {
        /// The anchor's size.
        size: u64,
        /// The anchor's root.
        expected: Digest,
        /// The log's root at that size.
        found: Digest,
    },
    /// Entries that are not those under the anchor, found before they were replayed.
    #[error("the entries from {from} to {to} of the log are not those under the anchor")]
    NotAnchored {
        /// The first of them.
        from: u64,
        /// The one behind the last.
        to: u64,
    },
    /// More entries without effect than a log can have by chance.
    #[error(
        "{entries} new entries of the log, {bytes} bytes, have no effect; a registry appends none"
    )]
    Inert {
        /// How many there are so far.
        entries: u64,
        /// How many bytes they have.
        bytes: u64,
    },
    /// No log key of the policy signed the checkpoint.
    #[error("the checkpoint is not signed by a log key of policy version {policy_version}")]
    BadSignature {
        /// The policy in effect at the end of the log.
        policy_version: u64,
    },
    /// Too few witnesses.
    #[error("expected {expected} cosignatures of witnesses under the checkpoint, found {found}")]
    Quorum {
        /// How many the policy asks for.
        expected: u32,
        /// How many there are.
        found: u32,
    },
}

impl Outcome for LogError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoAnchor => "take the anchor that `bulla anchor` prints on a computer you trust",
            Self::Shrunk { .. } | Self::BehindAnchor { .. } => {
                "a mirror may be behind, or the registry was restored from a backup; ask its operator"
            }
            Self::Fork { .. } | Self::RootMismatch { .. } => {
                "the registry showed two different histories, or they are changed on the way; keep both checkpoints as evidence and ask its operator"
            }
            Self::WrongOrigin { .. }
            | Self::AnchorMismatch { .. }
            | Self::NotAnchored { .. }
            | Self::NoPolicy => {
                "this is another log; compare the registry's address and the anchor"
            }
            Self::Quorum { .. } => "the witnesses may be late; try again in some minutes",
            Self::Replay(error) => return error.hint(),
            Self::BadSignature { .. } => {
                "the registry signs with a key that no policy names, or this is not the registry; ask its operator"
            }
            Self::Inert { .. } => {
                "a newer version of bulla may know what they say; else ask the registry's operator"
            }
            Self::Checkpoint(_) | Self::EntryCount { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Verifies what was offered and returns the state that it leads to.
///
/// `checkpoint` is the signed note; `entries` are all entries from the size of `state` up to the
/// size in the checkpoint.
pub fn accept<E: AsRef<[u8]>>(
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

/// Most entries without effect, and most bytes of them, beyond as many as have one. Only the root
/// of such an entry is kept.
const MOST_INERT: Amount = Amount {
    entries: 1 << 16,
    bytes: 64 << 20,
};
/// Most entries, and most bytes of entries, that are read on the word of a checkpoint that no log
/// key known so far has signed: one of them must be the policy that brings the key.
const MOST_UNVOUCHED: Amount = Amount {
    entries: 1 << 13,
    bytes: 16 << 20,
};

/// How many entries, and how many bytes they have.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    entries: u64,
    bytes: u64,
}

impl Amount {
    fn add(&mut self, entry: &[u8]) {
        self.entries += 1;
        self.bytes += entry.len() as u64;
    }

    const fn is_beyond(self, most: Self) -> bool {
        self.entries > most.entries || self.bytes > most.bytes
    }

    const fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
        }
    }
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
    effective: Amount,
    inert: Amount,
    /// Whether a log key of a policy passed on the way signed the checkpoint.
    vouched: bool,
    unvouched: Amount,
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
            effective: Amount::default(),
            inert: Amount::default(),
            vouched: false,
            unvouched: Amount::default(),
        };
        acceptance.look_for_signature();
        Ok(acceptance)
    }

    /// Returns which entries are still to be taken.
    pub fn missing(&self) -> Range<u64> {
        self.peaks.size()..self.checkpoint.size
    }

    /// Takes the next entries.
    pub fn take<E: AsRef<[u8]>>(
        &mut self,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<(), LogError> {
        for entry in entries {
            self.take_one(entry.as_ref())?;
        }
        Ok(())
    }

    fn take_one(&mut self, entry: &[u8]) -> Result<(), LogError> {
        if self.missing().is_empty() {
            let expected = self.checkpoint.size - self.stored.size();
            let found = expected + 1;
            return Err(LogError::EntryCount { expected, found });
        }
        let leaf = leaf_hash(entry);
        self.peaks.push(leaf);
        // What comes after a stop still decides whether this is the log of the checkpoint.
        if self.stopped.is_none() {
            self.replay(entry, leaf)?;
        }
        self.check_vouched(entry)?;
        self.check_anchor_passed()
    }

    fn replay(&mut self, entry: &[u8], leaf: Digest) -> Result<(), LogError> {
        let version = self.next.policy_version();
        match step(&mut self.next, entry, leaf) {
            Ok(Verdict::Effective) => self.effective.add(entry),
            Ok(Verdict::Inert(_)) => self.inert.add(entry),
            Err(stop) => self.stopped = Some(stop),
        }
        if self.inert.is_beyond(MOST_INERT.and(self.effective)) {
            return Err(LogError::Inert {
                entries: self.inert.entries,
                bytes: self.inert.bytes,
            });
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
        self.unvouched.add(entry);
        if !self.unvouched.is_beyond(MOST_UNVOUCHED) {
            return Ok(());
        }
        Err(LogError::BadSignature {
            policy_version: self.next.policy_version(),
        })
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

    /// Returns what the log leads to, if all of it is there and it is the log of its checkpoint.
    pub fn finish(self) -> Result<LogState, LogError> {
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
        // By the witnesses of both policies: stolen keys of a former root must not be able to
        // replace the witnesses on a fork.
        let stored = self.stored.checked_policy();
        stored
            .into_iter()
            .chain([policy])
            .try_for_each(|policy| check_quorum(policy, &self.note))?;
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

fn check_quorum(policy: &CheckedPolicy, note: &SignedNote) -> Result<(), LogError> {
    let expected = policy.policy().witnesses.quorum;
    let mut found = 0;
    for key in policy.witness_keys() {
        found += u32::from(note.cosigned_at(key).is_some());
    }
    if found >= expected {
        Ok(())
    } else {
        Err(LogError::Quorum { expected, found })
    }
}
