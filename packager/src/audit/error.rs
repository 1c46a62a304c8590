//! Why an audit cannot be made.

use bulla_schemas::Name;
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};

/// Why an audit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Nobody ever had the name.
    #[error("no policy of the log ever named `{name}`")]
    Unknown {
        /// The name.
        name: Name,
        /// Those that policies named.
        known: Vec<Name>,
    },
}

impl Outcome for AuditError {
    fn kind(&self) -> FailureKind {
        FailureKind::Failed
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { known, .. } => Some(format!("people and builders: {}", list(known))),
        }
    }
}
