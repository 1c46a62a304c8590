//! What came out for an entry, or that nothing can.

use bulla_schemas::outcome::{FailureKind, Outcome};

use super::reason::Reason;

/// What an entry did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It changed the state.
    Effective,
    /// It broke a rule and changed nothing.
    Inert(Reason),
}

impl Verdict {
    /// Tells whether the entry changed the state.
    pub const fn is_effective(&self) -> bool {
        matches!(self, Self::Effective)
    }
}

/// Why a log cannot be judged to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A policy of a version that this program does not know.
    #[error("entry {entry} of the log is a policy of the unknown type {payload_type:?}")]
    LaterPolicy {
        /// The entry.
        entry: u64,
        /// Its payload type.
        payload_type: String,
    },
}

impl Outcome for ReplayError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        Some("the log needs a newer version of bulla; install it first".to_owned())
    }
}
