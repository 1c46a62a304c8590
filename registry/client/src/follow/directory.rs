//! The files of a followed log: read whole, replaced whole, durably.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_schemas::log::Anchor;
use bulla_trust::LogState;
use bulla_trust::checkpoint::Checkpoint;
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::FollowError;

/// How often, and how many times, a lock that another process holds is tried again.
const LOCK_WAIT: Duration = Duration::from_millis(100);
const LOCK_TRIES: u32 = 600;

/// What `registry.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remembered {
    /// The registry's address.
    pub(super) url: Url,
    /// The log's name, which never changes.
    pub(super) origin: String,
    /// The anchor that was enrolled with; none when the first log shown was believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anchor: Option<Anchor>,
}

#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn create(path: &Path) -> Result<Self, FollowError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(path)
            .map_err(failed("create the directory", path))?;
        Ok(Self(path.to_owned()))
    }

    /// Keeps other processes away until the returned file is dropped.
    pub(super) async fn lock(&self) -> Result<File, FollowError> {
        let path = self.0.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_WAIT).await,
                Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
            }
        }
        Err(FollowError::Locked { path })
    }

    pub(super) fn read_remembered(&self) -> Result<Option<Remembered>, FollowError> {
        let path = self.0.join("registry.json");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(failed("read", &path))?,
        };
        let remembered = serde_json::from_slice(&bytes);
        remembered.map(Some).map_err(|source| FollowError::Damaged {
            path,
            source: Box::new(source),
        })
    }

    /// Refuses a directory in which a log is followed already.
    pub(super) fn refuse_second(&self) -> Result<(), FollowError> {
        match self.read_remembered() {
            Ok(None) | Err(FollowError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(Some(earlier)) => Err(FollowError::Enrolled {
                directory: self.0.clone(),
                origin: earlier.origin,
            }),
        }
    }

    pub(super) fn write_remembered(&self, remembered: &Remembered) -> Result<(), FollowError> {
        let path = self.0.join("registry.json");
        let mut bytes = serde_json::to_vec_pretty(remembered)
            .map_err(|error| failed("write", &path)(error.into()))?;
        bytes.push(b'\n');
        self.replace(&path, &bytes)
    }

    pub(super) fn read_state(&self) -> Result<LogState, FollowError> {
        let path = self.0.join("state");
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        LogState::from_bytes(&bytes).map_err(|source| FollowError::Damaged {
            path,
            source: Box::new(source),
        })
    }

    /// Returns what the newest accepted checkpoint commits to, where it can be read.
    pub(super) fn read_checkpoint(&self) -> Option<Anchor> {
        let note = fs::read(self.0.join("checkpoint")).ok()?;
        let (checkpoint, _) = Checkpoint::parse(&note).ok()?;
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
        self.replace(&self.0.join("checkpoint"), note)?;
        self.replace(&self.0.join("state"), &state.to_bytes())
    }

    /// Writes a file under a temporary name and puts it in place: the old content or the new, at
    /// any instant.
    fn replace(&self, path: &Path, content: &[u8]) -> Result<(), FollowError> {
        let temporary = path.with_extension("new");
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            sync_directory(&self.0)
        };
        write().map_err(failed("write", path))
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    // A directory cannot be opened for that elsewhere.
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FollowError {
    let path = path.to_owned();
    move |source| FollowError::Io {
        operation,
        path,
        source,
    }
}
