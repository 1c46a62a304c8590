//! The log that this server follows: what is remembered of it, and how that grows. One log serves
//! all projects, so it is synced outside of an install.

use std::path::PathBuf;

use bulla_bundle::LogCopy;
use bulla_registry_client::{CopiedLog, LogFollower};
use bulla_schemas::Timestamp;
use bulla_trust::LogState;
use url::Url;

use super::error::FetchError;
use super::supply::{Source, Supply};
use crate::failpoint::failpoint;
use crate::site::Server;
use crate::state::{synced, token_file};

/// The verified log, as this server remembers it.
pub struct FollowedLog {
    follower: LogFollower,
}

impl FollowedLog {
    /// Opens what is remembered of the log, without network.
    pub fn open(server: &Server) -> Result<Self, FetchError> {
        Self::remembered(server)?.ok_or_else(|| FetchError::NotEnrolled {
            state: server.state().to_owned(),
        })
    }

    /// The same; `None` on a server that is not enrolled.
    pub(crate) fn remembered(server: &Server) -> Result<Option<Self>, FetchError> {
        let follower = LogFollower::open(&server.log())?;
        Ok(follower.map(|follower| Self { follower }))
    }

    /// The registry that the server is enrolled with.
    pub fn url(&self) -> &Url {
        self.follower.url()
    }

    /// The file that holds the registry's token, where enrolment named one.
    pub fn token_file(&self, server: &Server) -> Result<Option<PathBuf>, FetchError> {
        Ok(token_file::read(&server.token_file(), self.url())?)
    }

    /// What the log says, as far as it is verified.
    pub fn state(&self) -> &LogState {
        self.follower.state()
    }

    pub(crate) fn into_follower(self) -> LogFollower {
        self.follower
    }

    /// Takes in what the log has grown by: from the registry, or from the copy in a bundle file
    /// where that goes further.
    pub fn sync(
        &mut self,
        server: &Server,
        supply: &Supply,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        match supply.source() {
            Source::Registry(client) => {
                supply.wait(self.follower.sync(client))?;
                synced::write(&server.synced(), now)?;
            }
            Source::File(file) => {
                if let Some(log) = file.log() {
                    supply.wait(self.follower.take_in(copied(log)))?;
                }
            }
        }
        failpoint!("log::synced");
        Ok(())
    }
}

/// Returns a bundle file's copy of the log in the form that a follower takes.
pub(crate) fn copied(log: &LogCopy) -> CopiedLog<'_> {
    CopiedLog {
        found_in: "the bundle file",
        checkpoint: &log.checkpoint,
        entries: &log.entries,
    }
}
