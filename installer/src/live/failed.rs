//! A release that was made live and failed.

use std::fmt;

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, ProjectName};

/// A release that was made live and failed, and what is live now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FailedRelease {
    /// The project.
    pub project: ProjectName,
    /// The release.
    pub hash: Digest,
    /// The number of its activation.
    pub number: u64,
    /// Why it failed, with the end of what was written.
    pub reason: String,
    /// The release that was returned to, or why none was.
    pub back: Result<Digest, String>,
    /// Why the release that was returned to is not well either.
    pub is_worse: Option<String>,
}

impl fmt::Display for FailedRelease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, reason, .. } = self;
        let hash = hash.short();
        writeln!(formatter, "{hash} was made live and failed: {reason}")?;
        match (&self.back, &self.is_worse) {
            (Ok(back), None) => write!(formatter, "{} is live again", back.short()),
            (Ok(back), Some(why)) => {
                write!(
                    formatter,
                    "{} is live again, and failed too: {why}",
                    back.short()
                )
            }
            (Err(why), _) => write!(formatter, "{hash} stays live, because {why}"),
        }
    }
}

impl Outcome for FailedRelease {
    fn kind(&self) -> FailureKind {
        FailureKind::RolledBack
    }

    fn hint(&self) -> Option<String> {
        let Self {
            project, number, ..
        } = self;
        Some(format!(
            "`bulla-installer history {project} --output {number}` shows what was written; this \
             release is not tried again before it is promoted anew, or after \
             `bulla-installer retry {project}`"
        ))
    }
}
