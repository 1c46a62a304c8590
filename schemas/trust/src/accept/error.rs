//! Why an offered log is refused.

use bulla_schemas::Digest;
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::checkpoint::CheckpointError;
use crate::replay::ReplayError;

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
    /// Enough witnesses of the resulting policy, and too few of those that are known here.
    #[error(
        "expected {expected} cosignatures of {} under the checkpoint, found {found}: the log's newest \
         policy has other witnesses",
        list(.known)
    )]
    OtherWitnesses {
        /// How many the policy asks for that is known here.
        expected: u32,
        /// How many there are.
        found: u32,
        /// The witnesses that it names.
        known: Vec<String>,
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
                "the registry was restored from an older backup and went on from there, or showed two different histories, or they are changed on the way; keep both checkpoints as evidence and ask its operator"
            }
            Self::WrongOrigin { .. }
            | Self::AnchorMismatch { .. }
            | Self::NotAnchored { .. }
            | Self::NoPolicy => {
                "this is another log; compare the registry's address and the anchor"
            }
            Self::Quorum { .. } => "the witnesses may be late; try again in some minutes",
            Self::OtherWitnesses { .. } => {
                "ask colleagues whether they exchanged them (`bulla policy history`): else somebody shows a log \
                 of their own; have one of these witnesses run once more (`bulla witness`) and try again, or, \
                 where they are lost, move what is remembered of the log away, on a server `log` in its state \
                 folder, and enroll with what `bulla anchor` prints on a computer you trust"
            }
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
