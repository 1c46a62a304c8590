//! The log that this server follows: what is remembered of it, and how that grows. One log serves
//! all projects, so it is synced outside of an install.

use std::path::{Path, PathBuf};

use bulla_bundle::LogCopy;
use bulla_registry_client::{Client, CopiedLog, FollowError, LogDirectory, LogFollower, Unsaved};
use bulla_schemas::Timestamp;
use bulla_schemas::log::Anchor;
use bulla_trust::LogState;
use url::Url;

use super::error::FetchError;
use super::supply::{Source, Supply};
use crate::config::{HostConfig, Registry};
use crate::failpoint::failpoint;
use crate::site::Server;
use crate::state::{synced, token_file};

/// The verified log, as this server remembers it, and where it is read.
pub struct FollowedLog {
    directory: LogDirectory,
    /// Absent on a server that only its host file knows: the first sync enrolls it.
    follower: Option<LogFollower>,
    /// What a server knows that has not read the log.
    nothing: LogState,
    /// What the host file says that the log must contain.
    anchor: Option<Anchor>,
    registries: Vec<Registry>,
    is_of_file: bool,
}

impl FollowedLog {
    /// Opens what is remembered of the log, without network. Where that is lost or damaged, the
    /// next sync must bring a log that contains what this server is known to have verified. The host
    /// file says where the log is read; about what it must contain, the file and the memory have to
    /// agree.
    pub fn open(server: &Server, config: &HostConfig) -> Result<Self, FetchError> {
        Self::open_in((&server.log()).into(), server, config)
    }

    /// The same in a directory that knows who reads it.
    pub(crate) fn open_in(
        directory: LogDirectory,
        server: &Server,
        config: &HostConfig,
    ) -> Result<Self, FetchError> {
        let follower = LogFollower::reopen(directory.clone())?;
        let anchor = config.anchor.clone();
        let is_of_file = !config.registries.is_empty();
        let registries = match &follower {
            _ if is_of_file => config.registries.clone(),
            Some(follower) => vec![Registry {
                url: follower.url().clone(),
                token_file: None,
            }],
            None => Vec::new(),
        };
        match (&follower, &anchor) {
            (Some(follower), Some(anchor)) => agree(server, follower, anchor)?,
            (Some(_), None) => {}
            (None, _) if config.enrolls() => {}
            (None, _) => return Err(not_enrolled(server)),
        }
        Ok(Self {
            directory,
            follower,
            nothing: LogState::default(),
            anchor,
            registries,
            is_of_file,
        })
    }

    /// Says what of it is lost, until the next sync.
    pub fn loss(&self, server: &Server) -> Option<String> {
        let is_lost = self.follower.as_ref().is_some_and(LogFollower::is_lost);
        is_lost.then(|| {
            format!(
                "what was remembered of the log in `{}` is lost or damaged; it is read again, and \
                 must contain what this server has verified",
                server.log().display()
            )
        })
    }

    /// The registries that serve the log, in the order in which they are asked; never empty.
    pub fn registries(&self) -> &[Registry] {
        &self.registries
    }

    /// The file that holds the token of the first registry, where the host file or enrolment named
    /// one.
    pub fn token_file(&self, server: &Server) -> Result<Option<PathBuf>, FetchError> {
        match self.registries.first() {
            Some(first) if self.is_of_file => Ok(first.token_file.clone()),
            Some(first) => Ok(token_file::read(&server.token_file(), &first.url)?),
            None => Ok(None),
        }
    }

    /// What the log says, as far as it is verified.
    pub fn state(&self) -> &LogState {
        let state = self.follower.as_ref().map(LogFollower::state);
        state.unwrap_or(&self.nothing)
    }

    /// The newest checkpoint that was accepted, saved or not.
    pub(crate) fn checkpoint(&self) -> Option<Vec<u8>> {
        self.follower.as_ref().and_then(LogFollower::checkpoint)
    }

    /// Takes in what the log has grown by, and remembers it before it returns.
    pub fn sync(
        &mut self,
        server: &Server,
        supply: &Supply,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        save(self.sync_unsaved(server, supply, now)?)
    }

    /// Takes in what the log has grown by: from the registry, or from the copy in a bundle file
    /// where that goes further. What is returned is to be saved before anything is done that it
    /// decides.
    pub(crate) fn sync_unsaved(
        &mut self,
        server: &Server,
        supply: &Supply,
        now: Timestamp,
    ) -> Result<Option<Unsaved>, FetchError> {
        let mut unsaved = None;
        match (&mut self.follower, &self.anchor) {
            (Some(follower), anchor) => match supply.source() {
                Source::Registry(client) => {
                    let read = read(follower, client, anchor.as_ref(), &self.registries);
                    unsaved = supply.wait(read)?;
                }
                Source::File(file) => {
                    if let Some(log) = file.log() {
                        supply.wait(follower.take_in(copied(log)))?;
                        anchor
                            .iter()
                            .try_for_each(|anchor| agree(server, follower, anchor))?;
                    } else if follower.is_lost() {
                        return Err(FetchError::LogLost {
                            directory: server.log(),
                        });
                    }
                }
            },
            (None, Some(anchor)) => {
                bulla_files::create_private_directory(server.state())?;
                let follower = begin(&self.directory, server, supply, anchor, &self.registries)?;
                self.follower = Some(follower);
            }
            (None, None) => return Err(not_enrolled(server)),
        }
        if matches!(supply.source(), Source::Registry(_)) {
            synced::write(server, now);
        }
        Ok(unsaved)
    }
}

/// Writes down what the log has grown by.
pub(crate) fn save(unsaved: Option<Unsaved>) -> Result<(), FetchError> {
    if let Some(unsaved) = unsaved {
        unsaved.save()?;
    }
    failpoint!("log::synced");
    Ok(())
}

/// Refuses a host file that speaks of another log than the one that is followed.
fn agree(server: &Server, follower: &LogFollower, anchor: &Anchor) -> Result<(), FetchError> {
    if follower.origin() != anchor.origin {
        return Err(FetchError::OtherLog {
            said: anchor.origin.clone(),
            followed: follower.origin().to_owned(),
            state: server.state().to_owned(),
        });
    }
    if anchor.position.size <= follower.state().size() {
        follower.check_anchor(anchor)?;
    }
    Ok(())
}

/// Reads what the log has grown by. An anchor beyond what is known must be contained in it, and an
/// address that the host file does not name any more is forgotten.
async fn read(
    follower: &mut LogFollower,
    client: &Client,
    anchor: Option<&Anchor>,
    registries: &[Registry],
) -> Result<Option<Unsaved>, FollowError> {
    let known = follower.state();
    let newer = anchor.filter(|anchor| anchor.position.size > known.size());
    let is_named = |url: &Url| registries.iter().any(|registry| registry.url == *url);
    let stays = is_named(follower.url());
    match (newer.cloned(), known.anchor()) {
        (None, Some(known)) if !stays => follower.move_to(client, &known).await?,
        (None, _) => return follower.sync_unsaved(client).await,
        (Some(newer), _) => follower.move_to(client, &newer).await?,
    };
    Ok(None)
}

/// Enrolls a server by what its host file says.
fn begin(
    directory: &LogDirectory,
    server: &Server,
    supply: &Supply,
    anchor: &Anchor,
    registries: &[Registry],
) -> Result<LogFollower, FetchError> {
    let enrolled = match supply.source() {
        Source::Registry(client) => supply.wait(LogFollower::enroll(
            directory.clone(),
            client,
            Some(anchor.clone()),
        )),
        Source::File(file) => {
            let log = file.log().ok_or_else(|| FetchError::LogLost {
                directory: server.log(),
            })?;
            let url = registries.first().map(|registry| registry.url.clone());
            let url = url.ok_or_else(|| not_enrolled(server))?;
            let copy = copied(log);
            supply.wait(LogFollower::enroll_from_copy(
                directory.clone(),
                url,
                anchor.clone(),
                copy,
            ))
        }
    };
    match enrolled {
        // Another process was faster.
        Err(FollowError::Enrolled { .. }) => {
            let follower = LogFollower::reopen(directory.clone())?;
            let follower = follower.ok_or_else(|| not_enrolled(server))?;
            agree(server, &follower, anchor)?;
            Ok(follower)
        }
        enrolled => Ok(enrolled?),
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

/// Reads the newest checkpoint that was accepted in a directory, as it was signed.
pub(crate) fn checkpoint_in(directory: &Path) -> Option<Vec<u8>> {
    LogFollower::read_checkpoint(directory)
}

/// Opens the log that is followed, to enroll again; `None` when that is not known or damaged.
pub(crate) fn enrolled(directory: LogDirectory) -> Result<Option<LogFollower>, FetchError> {
    match LogFollower::reopen(directory) {
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
