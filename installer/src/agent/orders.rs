//! What the agent is to do: the host file, and where the log and the releases come from.

use std::collections::BTreeSet;
use std::time::Instant;

use bulla_schemas::ProjectName;
use bulla_trust::LogState;

use super::schedule::Schedule;
use crate::config::HostConfig;
use crate::fetch::{Access, FetchError, Supply};
use crate::site::Server;

/// What the agent is to do.
#[derive(Debug, Clone)]
pub struct Orders {
    /// Where everything lies.
    pub server: Server,
    /// What the host file says.
    pub config: HostConfig,
    /// The registries, in the order in which they are asked.
    pub registries: Vec<Access>,
}

impl Orders {
    /// The projects that are followed.
    fn projects(&self) -> BTreeSet<ProjectName> {
        let followed = self.config.followed();
        followed.map(|(project, _)| project.clone()).collect()
    }

    /// When what is looked at, from now on.
    pub(super) fn schedule(&self, now: Instant) -> Schedule {
        Schedule::new(self.projects(), self.config.poll().as_duration(), now)
    }

    /// The projects whose channels point elsewhere in one state of the log than in another.
    pub(super) fn moved(&self, before: &LogState, after: &LogState) -> BTreeSet<ProjectName> {
        let promotion =
            |log: &LogState, (project, channel)| log.head(project, channel).map(|head| head.entry);
        let followed = self.config.followed();
        followed
            .filter(|followed| promotion(before, *followed) != promotion(after, *followed))
            .map(|(project, _)| project.clone())
            .collect()
    }

    /// Connects to every registry, for one thread.
    pub(super) fn supplies(&self) -> Result<Vec<Supply>, FetchError> {
        self.registries.iter().map(Access::supply).collect()
    }
}
