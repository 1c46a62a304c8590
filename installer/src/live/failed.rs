//! A release that was made live and failed.

use std::fmt;

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, ProjectName};

use super::broken::Broken;

/// A release that was made live and failed, and what is live now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FailedRelease {
    /// The project.
    pub project: ProjectName,
    /// The release.
    pub hash: Digest,
    /// The number of its activation.
    pub number: u64,
    /// Why it failed.
    pub failure: Broken,
    /// The release that was returned to, or why none was.
    pub back: Result<Digest, String>,
    /// Why the release that was returned to is not well either.
    pub is_worse: Option<String>,
}

impl fmt::Display for FailedRelease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.hash.short();
        write!(
            formatter,
            "{hash} was made live and failed: {}; {}",
            self.failure,
            self.consequence()
        )
    }
}

impl FailedRelease {
    /// Tells what became of it, the cause first: for whoever knows which release is meant.
    pub(crate) fn in_short(&self) -> String {
        format!("{}; {}", self.failure, self.consequence())
    }

    fn consequence(&self) -> String {
        match (&self.back, &self.is_worse) {
            (Ok(back), None) => format!("{} is live again", back.short()),
            (Ok(back), Some(why)) => {
                format!("{} is live again, and failed too: {why}", back.short())
            }
            (Err(why), _) => format!("{} stays live, because {why}", self.hash.short()),
        }
    }
}

impl Outcome for FailedRelease {
    fn kind(&self) -> FailureKind {
        FailureKind::RolledBack
    }

    fn hint(&self) -> Option<String> {
        let Self {
            project,
            number,
            hash,
            ..
        } = self;
        let hash = hash.short();
        Some(format!(
            "`bulla-installer history {project} --output {number}` shows what was written; this \
             release is not tried again here until people promote it again, with `bulla promote {hash} \
             CHANNEL --again -m REASON`, or after `bulla-installer retry {project}`"
        ))
    }

    fn output(&self) -> Option<&str> {
        self.failure.output.as_deref()
    }
}
