//! The files of a followed log: read whole, replaced whole, durably.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulla_files::{Attempt as _, FileError, Lock, TryLock};
use bulla_schemas::log::Anchor;
use bulla_trust::LogState;
use bulla_trust::checkpoint::Checkpoint;
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::FollowError;

/// How often, and how many times, a lock that another process holds is tried again.
const LOCK_WAIT: Duration = Duration::from_millis(100);
const LOCK_TRIES: u32 = 600;
/// After how many tries a person is told: a second is no news.
const SAID_AFTER: u32 = 10;

/// Most bytes of a remembered state, which has 32 for each entry of the log.
pub(super) const MOST: u64 = 1024 * 1024 * 1024;

/// What `registry.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// The registry's address.
    pub(super) url: Url,
    /// The log's name, which never changes.
    pub(super) origin: String,
    /// The anchor that was enrolled with; none when the first log shown was believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anchor: Option<Anchor>,
}

/// Where a log is remembered, and who reads it there.
#[derive(Clone)]
pub struct LogDirectory {
    path: PathBuf,
    /// What others are told who wait for this one.
    command: &'static str,
    /// Told whom this one waits for.
    waiting: Option<Arc<Tell>>,
    pub(super) reach: Reach,
}

/// Up to which checkpoint a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// The newest that as many witnesses cosigned as the policy asks for: what servers act on.
    #[default]
    Witnessed,
    /// The newest. People see at once what they append; witnesses cosign it later.
    Newest,
}

/// Says a sentence to a person.
type Tell = dyn Fn(&str) + Send + Sync;

impl fmt::Debug for LogDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("LogDirectory")
            .field(&self.path)
            .finish()
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for LogDirectory {
    fn from(path: &P) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            command: "read the log",
            waiting: None,
            reach: Reach::default(),
        }
    }
}

impl LogDirectory {
    /// Reads the log up to its newest checkpoint, cosigned or not.
    #[must_use]
    pub fn of_newest(self) -> Self {
        Self {
            reach: Reach::Newest,
            ..self
        }
    }

    /// Has others who wait for the log told that `command` reads it.
    #[must_use]
    pub fn read_by(self, command: &'static str) -> Self {
        Self { command, ..self }
    }

    /// Has `tell` called with a sentence when another process reads the log for long, and is waited
    /// for.
    #[must_use]
    pub fn on_wait(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            waiting: Some(Arc::new(tell)),
            ..self
        }
    }

    pub(super) fn create(&self) -> Result<(), FollowError> {
        Ok(bulla_files::create_private_directory(&self.path)?)
    }

    /// Keeps other processes away until the lock is dropped.
    pub(super) async fn lock(&self) -> Result<Lock, FollowError> {
        let path = self.path.join("lock");
        let mut tries = 0..LOCK_TRIES;
        loop {
            let holder = match Lock::try_take(&path, self.command, None)? {
                TryLock::Taken(lock) => return Ok(lock),
                TryLock::Held { holder } => holder,
            };
            match (tries.next(), &self.waiting) {
                (None, _) => return Err(FollowError::Locked { path, holder }),
                (Some(SAID_AFTER), Some(tell)) => {
                    tell(&format!("waiting for {holder}, which is reading the log"));
                }
                (Some(_), _) => {}
            }
            tokio::time::sleep(LOCK_WAIT).await;
        }
    }

    pub(super) fn read_remembered(&self) -> Result<Option<Remembered>, FollowError> {
        let read = bulla_files::read_json(&self.path.join("registry.json"));
        read.map_err(|error| match error {
            FileError::Damaged { path, source } => FollowError::Damaged {
                path,
                source: Box::new(source),
            },
            other => damage(other),
        })
    }

    /// Refuses a directory in which a log is followed already.
    pub(super) fn refuse_second(&self) -> Result<(), FollowError> {
        match self.read_remembered() {
            Ok(None) | Err(FollowError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(Some(earlier)) => Err(FollowError::Enrolled {
                directory: self.path.clone(),
                origin: earlier.origin,
            }),
        }
    }

    pub(super) fn write_remembered(&self, remembered: &Remembered) -> Result<(), FollowError> {
        let path = self.path.join("registry.json");
        Ok(bulla_files::write_json(&path, remembered)?)
    }

    pub(super) fn read_state(&self) -> Result<LogState, FollowError> {
        let path = self.path.join("state");
        let missing = || Err(ErrorKind::NotFound.into()).attempt("read", &path);
        let bytes = bulla_files::read_up_to(&path, MOST).map_err(damage)?;
        let bytes = bytes.map_or_else(missing, Ok)?;
        LogState::from_bytes(&bytes).map_err(|source| FollowError::Damaged {
            path,
            source: Box::new(source),
        })
    }

    /// Returns the newest accepted checkpoint as it was signed, where it can be read.
    pub(super) fn read_note(&self) -> Option<Vec<u8>> {
        bulla_files::read(&self.path.join("checkpoint")).ok()?
    }

    /// Returns where evidence is kept.
    pub(super) fn fork(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Replaces it by the same one with newer cosignatures.
    pub(super) fn write_note(&self, note: &[u8]) -> Result<(), FollowError> {
        Ok(bulla_files::write(&self.path.join("checkpoint"), note)?)
    }

    /// Returns what the newest accepted checkpoint commits to, where it can be read.
    pub(super) fn read_checkpoint(&self) -> Option<Anchor> {
        let (checkpoint, _) = Checkpoint::parse(&self.read_note()?).ok()?;
        Some(Anchor {
            position: checkpoint.position(),
            origin: checkpoint.origin,
        })
    }

    /// Returns what is left of a log: its state, or what that is known to have contained.
    pub(super) fn remains(&self) -> (LogState, Option<Anchor>) {
        match self.read_state() {
            Ok(state) => (state, None),
            Err(_) => (LogState::default(), self.read_checkpoint()),
        }
    }

    /// Remembers a state and the checkpoint that it was accepted with. The state comes second: a
    /// checkpoint that is ahead of it only says that there was more.
    pub(super) fn write_state(&self, note: &[u8], state: &LogState) -> Result<(), FollowError> {
        let (checkpoint, snapshot) = (self.path.join("checkpoint"), self.path.join("state"));
        Ok(bulla_files::write_together([
            (checkpoint.as_path(), note),
            (snapshot.as_path(), state.to_bytes().as_slice()),
        ])?)
    }
}

/// Tells a file that is damaged as a whole from one that cannot be read.
fn damage(error: FileError) -> FollowError {
    if !error.is_damage() {
        return error.into();
    }
    FollowError::Damaged {
        path: error.path().to_owned(),
        source: Box::new(error),
    }
}
