//! `ContentLock`: between those who store content and those who move or remove it, also of different
//! processes.
//!
//! A push shares it while it stores content and records who has it: what is there then stays there.
//! Who moves or removes content looks again at what it is about to touch, and holds the lock alone
//! for these moments only. It tries until nobody shares the lock, so that no push ever waits for
//! other pushes to end.

use std::path::PathBuf;
use std::time::Duration;

use bulla_files::{FileError, Lock, SharedLock, TryLock};

use super::error::DataError;

/// How often, and for how long between two times, the lock is tried: some minutes in all.
const TRIES: u32 = 6000;
const PAUSE: Duration = Duration::from_millis(50);

/// The file `content.lock`.
#[derive(Debug, Clone)]
pub(crate) struct ContentLock {
    root: PathBuf,
}

impl ContentLock {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Holds it together with others.
    pub(crate) fn share(&self) -> Result<SharedLock, FileError> {
        Lock::share(&self.path())
    }

    /// Holds it alone.
    pub(crate) fn alone(&self, command: &str) -> Result<Lock, DataError> {
        for _ in 0..TRIES {
            if let TryLock::Taken(lock) = Lock::try_take(&self.path(), command, None)? {
                return Ok(lock);
            }
            std::thread::sleep(PAUSE);
        }
        let path = self.root.clone();
        Err(DataError::Busy { path })
    }

    fn path(&self) -> PathBuf {
        self.root.join("content.lock")
    }
}
