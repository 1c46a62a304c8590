//! The log: one sequencer appends, everybody reads what it published.
//!
//! ```text
//! POST /log/entries -> admit -> entry bundle, tiles -> sync -> sign checkpoint -> publish -> answer
//! ```
//!
//! A checkpoint is signed only over what is on disk, and a tile is served only when a published
//! checkpoint covers it, so that nothing torn is ever seen. What a statement is worth is decided
//! by whoever replays the log; admission keeps out what would have no effect,
//! and with it floods of what was said before.

mod check;
mod copy;
mod error;
mod key;
mod published;
mod recover;
mod sequencer;
mod tiles;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bulla_schemas::Timestamp;
use bulla_trust::{PublicKey, Submission};
use tokio::sync::{mpsc, oneshot, watch};

use crate::quota::Quota;

pub(crate) use check::CheckedLog;
pub use error::{DamagedLog, LogError};
pub(crate) use published::{Growth, Placed, Published};
use sequencer::Request;
pub(crate) use tiles::LogFiles;

/// The log of this registry.
#[derive(Debug)]
pub(crate) struct Log {
    key: PublicKey,
    files: LogFiles,
    published: watch::Receiver<Arc<Published>>,
    requests: std::sync::Mutex<Option<mpsc::Sender<Request>>>,
    sequencer: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log, finishes what a crash left undone, and starts the sequencer.
    pub(crate) fn open(directory: &Path, key_file: &Path, quota: Quota) -> Result<Self, LogError> {
        let key = key::open(key_file)?;
        let public_key = key.public_key();
        let files = LogFiles::new(directory.to_owned());
        let (recovered, tail) = recover::recover(&files, &key)?;
        let (publish, published) = watch::channel(Arc::new(recovered));
        let (requests, receive) = mpsc::channel(sequencer::MOST_AT_ONCE);
        let sequencer = sequencer::start(files.clone(), key, quota, tail, publish, receive)
            .map_err(LogError::System)?;
        Ok(Self {
            key: public_key,
            files,
            published,
            requests: std::sync::Mutex::new(Some(requests)),
            sequencer: std::sync::Mutex::new(Some(sequencer)),
        })
    }

    /// Returns what is published now.
    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.borrow())
    }

    /// Returns what tells when the log has grown.
    pub(crate) fn growth(&self) -> Growth {
        Growth(self.published.clone())
    }

    /// Returns the public half of the log's key.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Returns the log's files.
    pub(crate) fn files(&self) -> &LogFiles {
        &self.files
    }

    /// Appends an envelope on behalf of a token, and returns when a published checkpoint covers its
    /// statement.
    pub(crate) async fn append(
        &self,
        submission: Arc<Submission>,
        token: &str,
        now: Timestamp,
    ) -> Result<Placed, Arc<LogError>> {
        let stopping = || Arc::new(LogError::Stopping);
        let requests = lock(&self.requests).clone().ok_or_else(stopping)?;
        let (answer, answered) = oneshot::channel();
        requests
            .send(Request {
                submission,
                token: token.to_owned(),
                now,
                answer,
            })
            .await
            .map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    /// Lets the sequencer finish what it was given, and ends it.
    pub(crate) fn close(&self) {
        drop(lock(&self.requests).take());
        if let Some(sequencer) = lock(&self.sequencer).take()
            && sequencer.join().is_err()
        {
            tracing::error!("the sequencer panicked");
        }
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
