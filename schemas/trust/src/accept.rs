//! Accept: from a remembered state and what a registry or mirror offers to a new state, or a
//! refusal that changes nothing.
//!
//! The order: the log's name, its size against what is remembered, the fold against the root,
//! replay, the anchor, and last the signatures under the checkpoint, by the policy that the
//! entries lead to, so that a log key can be replaced by an entry of the log.

use bulla_schemas::Digest;
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::FailureKind;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::{Peaks, leaf_hash};
use crate::note::SignedNote;
use crate::policy::CheckedPolicy;
use crate::replay::{ReplayError, replay};
use crate::state::LogState;

/// What an offered log must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin<'a> {
    /// A continuation of the remembered state, which has entries.
    Remembered,
    /// A log that passes through this place. Also checked for a remembered state.
    Anchor(&'a Anchor),
    /// Any log, when nothing is remembered. Only when somebody said so explicitly.
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

impl LogError {
    /// Tells how a program that stops here ends.
    pub const fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    /// Says what to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoAnchor => {
                "take the anchor that `bulla anchor` prints on the computer of somebody you trust"
            }
            Self::Shrunk { .. } | Self::BehindAnchor { .. } => {
                "a mirror may be behind, or the registry was restored from a backup; ask its operator"
            }
            Self::Fork { .. } | Self::RootMismatch { .. } => {
                "the registry showed two different histories, or somebody changes them on the way; keep both checkpoints as evidence and ask its operator"
            }
            Self::WrongOrigin { .. } | Self::AnchorMismatch { .. } | Self::NoPolicy => {
                "this is another log; compare the registry's address and the anchor"
            }
            Self::Quorum { .. } => "the witnesses may be late; try again in some minutes",
            Self::Replay(error) => return error.hint(),
            Self::BadSignature { .. } => {
                "the registry signs with a key that no policy names, or this is not the registry; ask its operator"
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
    let (checkpoint, note) = Checkpoint::parse(checkpoint).map_err(LogError::Checkpoint)?;
    check_origin(state, pin, &checkpoint)?;
    check_size(state, &checkpoint, &note)?;
    check_fold(state, &checkpoint, entries)?;
    let (next, _) = replay(state.clone(), entries.iter().map(AsRef::as_ref))?;
    if let Pin::Anchor(anchor) = pin {
        check_anchor(&next, anchor)?;
    }
    let policy = next.checked_policy().ok_or(LogError::NoPolicy)?;
    // A registry chooses the name in its checkpoint, people the one in the policy.
    same_origin(&policy.policy().origin, &checkpoint)?;
    check_signature(policy, &note)?;
    // By the witnesses of both policies: stolen keys of a former root must not be able to
    // replace the witnesses on a fork.
    let stored = state.checked_policy();
    stored
        .into_iter()
        .chain([policy])
        .try_for_each(|policy| check_quorum(policy, &note))?;
    Ok(next)
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

fn check_fold<E: AsRef<[u8]>>(
    state: &LogState,
    checkpoint: &Checkpoint,
    entries: &[E],
) -> Result<(), LogError> {
    let (expected, found) = (checkpoint.size - state.size(), entries.len() as u64);
    if expected != found {
        return Err(LogError::EntryCount { expected, found });
    }
    let mut peaks: Peaks = state.peaks().clone();
    for entry in entries {
        peaks.push(leaf_hash(entry.as_ref()));
    }
    if peaks.root() == checkpoint.root {
        Ok(())
    } else {
        Err(LogError::RootMismatch {
            size: checkpoint.size,
            expected: checkpoint.root,
            found: peaks.root(),
        })
    }
}

fn check_anchor(state: &LogState, anchor: &Anchor) -> Result<(), LogError> {
    let size = anchor.position.size;
    let found = state.root_at(size).ok_or(LogError::BehindAnchor {
        anchor: size,
        offered: state.size(),
    })?;
    if found == anchor.position.root {
        Ok(())
    } else {
        Err(LogError::AnchorMismatch {
            size,
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
