//! The log that this server follows: what is remembered of it, and how that grows. One log serves
//! all projects, so it is synced outside of an install.

use std::path::PathBuf;

use bulla_bundle::LogCopy;
use bulla_registry_client::{CopiedLog, FollowError, LogFollower};
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
    /// Opens what is remembered of the log, without network. Where that is lost or damaged, the
    /// next sync must bring a log that contains what this server is known to have verified.
    pub fn open(server: &Server) -> Result<Self, FetchError> {
        let follower = LogFollower::reopen(&server.log())?;
        let follower = follower.ok_or_else(|| not_enrolled(server))?;
        Ok(Self { follower })
    }

    /// Says what of it is lost, until the next sync.
    pub fn loss(&self, server: &Server) -> Option<String> {
        self.follower.is_lost().then(|| {
            format!(
                "what was remembered of the log in `{}` is lost or damaged; it is read again, and \
                 must contain what this server has verified",
                server.log().display()
            )
        })
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
                synced::write(&server.synced(), now);
            }
            Source::File(file) => {
                if let Some(log) = file.log() {
                    supply.wait(self.follower.take_in(copied(log)))?;
                } else if self.follower.is_lost() {
                    return Err(FetchError::LogLost {
                        directory: server.log(),
                    });
                }
            }
        }
        failpoint!("log::synced");
        Ok(())
    }
}

/// What is remembered of the log, as far as it can be read, and why not all of it can be.
pub(crate) struct Remembered {
    pub(crate) state: LogState,
    pub(crate) problem: Option<FetchError>,
}

/// Reads what is remembered of the log, for what has to go on without it.
pub(crate) fn remembered(server: &Server) -> Remembered {
    let problem = match LogFollower::open(&server.log()) {
        Ok(Some(follower)) => {
            return Remembered {
                state: follower.state().clone(),
                problem: None,
            };
        }
        Ok(None) => not_enrolled(server),
        Err(error) => error.into(),
    };
    Remembered {
        // Which registry it is from may be all that is lost.
        state: LogFollower::read_state(&server.log()).unwrap_or_default(),
        problem: Some(problem),
    }
}

/// Opens the log that is followed, to enroll again; `None` when that is not known or damaged.
pub(crate) fn enrolled(server: &Server) -> Result<Option<LogFollower>, FetchError> {
    match LogFollower::reopen(&server.log()) {
        Err(FollowError::Damaged { .. }) => Ok(None),
        found => Ok(found?),
    }
}

fn not_enrolled(server: &Server) -> FetchError {
    FetchError::NotEnrolled {
        state: server.state().to_owned(),
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
