//! Why an audit cannot be made.

use bulla_schemas::line::{few, list};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::units::count;
use bulla_schemas::{Name, ProjectName, Timestamp};

/// Most keys or projects that a hint names.
const MOST: usize = 10;

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
    /// Nobody ever had the key, and it signed nothing.
    #[error("no policy of the log ever named the key {fingerprint}, and it signed nothing")]
    UnknownKey {
        /// The key.
        fingerprint: String,
        /// Those that policies named, and whose they were.
        known: Vec<(String, Name)>,
    },
    /// No entry is about the project.
    #[error("the log knows no project {project}")]
    UnknownProject {
        /// The project.
        project: ProjectName,
        /// Those that it knows.
        known: Vec<ProjectName>,
    },
    /// The log has not come so far.
    #[error("the log has no entry {first}: it has {}", count(*.size, "entry", "entries"))]
    Beyond {
        /// The entry that was asked for.
        first: u64,
        /// How many there are.
        size: u64,
    },
    /// Nobody can have signed so late.
    #[error("{time} is in the future: it is {now}")]
    Future {
        /// The time that was asked for.
        time: Timestamp,
        /// The time here.
        now: Timestamp,
        /// The entry that says the latest time.
        newest: Option<u64>,
    },
}

impl Outcome for AuditError {
    fn kind(&self) -> FailureKind {
        FailureKind::Failed
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { known, .. } => Some(format!("people and builders: {}", list(known))),
            Self::UnknownKey { known, .. } => {
                let keys: Vec<_> = known
                    .iter()
                    .map(|(key, name)| format!("{name} {key}"))
                    .collect();
                let keys = few(keys, MOST, ", ", ", and");
                Some(format!("keys that policies named: {keys}"))
            }
            Self::UnknownProject { known, .. } if known.is_empty() => {
                Some("nothing was released yet".to_owned())
            }
            Self::UnknownProject { known, .. } => {
                Some(format!("projects: {}", few(known, MOST, ", ", ", and")))
            }
            Self::Beyond { size, .. } => {
                let last = size.checked_sub(1)?;
                Some(format!("the last one is --since {last}"))
            }
            Self::Future { newest, .. } => {
                let newest = (*newest)?;
                Some(format!(
                    "the latest time that anybody signed is that of entry {newest}"
                ))
            }
        }
    }
}
