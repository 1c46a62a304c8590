//! What the agent is to do: the host file, and where the log and the releases come from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bulla_schemas::ProjectName;
use bulla_trust::LogState;

use super::schedule::Schedule;
use crate::config::HostConfig;
use crate::fetch::{Access, FetchError, Supply};
use crate::platform::stamp::Stamp;
use crate::site::Server;

/// What the agent is to do.
#[derive(Debug, Clone)]
pub struct Orders {
    /// The host file, where there is one.
    file: Option<PathBuf>,
    /// How the file was when it was read.
    stamp: Stamp,
    /// Where everything lies.
    pub server: Server,
    /// What the host file says.
    pub config: HostConfig,
    /// The registries, in the order in which they are asked.
    pub registries: Vec<Access>,
}

impl Orders {
    /// Takes what a host file said that was just read.
    pub fn new(
        file: Option<PathBuf>,
        server: Server,
        config: HostConfig,
        registries: Vec<Access>,
    ) -> Self {
        Self {
            stamp: stamp_of(file.as_deref()),
            file,
            server,
            config,
            registries,
        }
    }

    /// Returns how the host file is.
    pub(super) fn stamp_of_file(&self) -> Stamp {
        stamp_of(self.file.as_deref())
    }

    /// Remembers how the host file was before it was read. Whoever writes it meanwhile changes it
    /// after that.
    pub(super) const fn read_as_of(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    /// Tells whether the host file was changed since.
    pub(super) fn is_outdated(&self) -> bool {
        self.stamp != self.stamp_of_file()
    }

    /// Tells whether a registry can be told how this server is: without a token it does not know
    /// whose report it is.
    pub(super) fn has_token(&self) -> bool {
        self.registries.iter().any(|access| access.token.is_some())
    }

    /// What the agent begins to do, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let followed = self.config.followed();
        let followed: Vec<String> = followed
            .map(|(project, channel)| format!("{project} {channel}"))
            .collect();
        let registries: Vec<&str> = self.registries.iter().map(|one| one.url.as_str()).collect();
        match followed.as_slice() {
            [] => "the agent follows nothing yet".to_owned(),
            followed => format!(
                "the agent follows {}, as {} says",
                followed.join(", "),
                registries.join(" or ")
            ),
        }
    }

    /// The projects that are followed.
    fn projects(&self) -> BTreeSet<ProjectName> {
        let followed = self.config.followed();
        followed.map(|(project, _)| project.clone()).collect()
    }

    /// When what is looked at, from now on.
    pub(super) fn schedule(&self, now: Instant) -> Schedule {
        Schedule::new(self.projects(), self.config.poll().as_duration(), now)
    }

    /// The projects whose channels people moved, or widened, between two states of the log.
    pub(super) fn moved(&self, before: &LogState, after: &LogState) -> BTreeSet<ProjectName> {
        let promotion =
            // A widening, too: it may be this server's.
            |log: &LogState, (project, channel)| log.head(project, channel).map(|head| head.last_seq);
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

fn stamp_of(file: Option<&Path>) -> Stamp {
    let found = file.and_then(|path| rustix::fs::stat(path).ok());
    found.map_or(Stamp::NONE, |found| Stamp::from_stat(&found))
}
