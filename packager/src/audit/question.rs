//! What is asked of an audit, and whether anything in the log can answer it.

use std::collections::BTreeSet;

use bulla_schemas::report::AuditEntry;
use bulla_schemas::{ProjectName, Timestamp};
use bulla_trust::LogState;

use super::error::AuditError;
use super::keys::{known_keys, owner_of};

/// Which entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Those with a signature of one of these keys, by fingerprint.
    pub keys: Option<BTreeSet<String>>,
    /// Those about this project.
    pub project: Option<ProjectName>,
    /// Those from here on.
    pub since: Since,
}

/// Where in the log an audit begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// At an entry.
    Entry(u64),
    /// At the first entry whose signer says this time or a later one. All that stands behind it is
    /// taken, whatever time it says: the order is proven, the times are not.
    Time(Timestamp),
}

impl Default for Since {
    fn default() -> Self {
        Self::Entry(0)
    }
}

/// Whether there is an entry with which an audit begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begins {
    /// No entry is as new; the latest time that one says, and which.
    Never {
        /// The entry and its time.
        newest: Option<(u64, Timestamp)>,
    },
    /// There is one.
    Found,
}

impl Default for Begins {
    fn default() -> Self {
        Self::Never { newest: None }
    }
}

impl Begins {
    /// Looks at the next entry.
    pub(super) fn see(&mut self, since: Since, entry: &AuditEntry) {
        let Self::Never { newest } = self else {
            return;
        };
        let is_asked_for = match since {
            Since::Entry(first) => entry.entry >= first,
            Since::Time(time) => entry.issued_at.is_some_and(|issued| issued >= time),
        };
        if is_asked_for {
            *self = Self::Found;
        } else if let Some(time) = entry.issued_at
            && newest.is_none_or(|(_, newest)| time >= newest)
        {
            *newest = Some((entry.entry, time));
        }
    }
}

/// Refuses a question that nothing in the log can answer: about a project that it does not know, a key that
/// no policy named and that signed nothing, or what is still to come.
pub fn require_sense(
    state: &LogState,
    question: &Question,
    (entries, begins): (u64, &Begins),
    now: Timestamp,
) -> Result<(), AuditError> {
    let size = state.size();
    match (begins, question.since) {
        (Begins::Never { .. }, Since::Entry(first)) if first > size => {
            return Err(AuditError::Beyond { first, size });
        }
        (Begins::Never { newest }, Since::Time(time)) if time > now => {
            let newest = newest.map(|(entry, _)| entry);
            return Err(AuditError::Future { time, now, newest });
        }
        _ => {}
    }
    let project = question.project.iter();
    let mut unknown = project.filter(|project| entries == 0 && !state.has_project(project));
    if let Some(project) = unknown.next() {
        return Err(AuditError::UnknownProject {
            project: project.clone(),
            known: state.projects().cloned().collect(),
        });
    }
    let mut keys = question.keys.iter().flatten();
    match keys.find(|key| owner_of(state, key).is_none()) {
        Some(key) if entries == 0 => Err(AuditError::UnknownKey {
            fingerprint: key.clone(),
            known: known_keys(state),
        }),
        _ => Ok(()),
    }
}

impl Question {
    pub(super) fn asks_for(&self, entry: &AuditEntry) -> bool {
        let is_of_key = self.keys.as_ref().is_none_or(|keys| {
            let mut signers = entry.signers.iter();
            signers.any(|signer| keys.contains(&signer.key))
        });
        let project = self.project.as_ref();
        is_of_key && project.is_none_or(|wanted| entry.project.as_ref() == Some(wanted))
    }
}
