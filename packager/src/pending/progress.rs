//! How far a statement has come on its way into the log.

use bulla_trust::{Approval, Reason, Tally};

use crate::meanwhile::Meanwhile;

/// How far a statement has come on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// People still have to sign.
    Open(Vec<Tally>),
    /// Enough have, and it is not in the log yet.
    Complete(Vec<Tally>),
    /// It is an entry of the log.
    Done {
        /// The entry.
        entry: u64,
    },
    /// It can never take effect.
    Void(Void),
}

/// Why a statement can never take effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// Others were faster, or decided otherwise.
    #[error(transparent)]
    Overtaken(Meanwhile),
    /// The log says why.
    #[error(transparent)]
    Inert(Reason),
}

impl From<Approval> for Progress {
    fn from(approval: Approval) -> Self {
        match approval {
            Approval::Known { entry } => Self::Done { entry },
            Approval::Complete(tallies) => Self::Complete(tallies),
            Approval::Lacking(tallies) => Self::Open(tallies),
        }
    }
}
