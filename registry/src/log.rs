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
//!
//! A mirror's log has no key and no sequencer: it takes over entries with the checkpoint that the
//! origin signed.

mod check;
mod consistency;
mod copy;
mod cosigned;
mod error;
mod kept;
mod key;
mod key_check;
mod mirrored;
mod published;
mod recover;
mod sequencer;
mod signer;
mod spool;
mod tiles;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bulla_schemas::Timestamp;
use bulla_trust::{PublicKey, SigningKey, Submission};
use tokio::sync::{mpsc, oneshot, watch};

use crate::quota::Quota;

pub(crate) use check::CheckedLog;
pub(crate) use copy::Unpublished;
pub(crate) use cosigned::{CosignatureError, Cosigned};
pub use error::{DamagedLog, LogError};
use kept::KeptState;
pub(crate) use mirrored::Mirrored;
use mirrored::Opened;
pub(crate) use published::{Growth, Placed, Published, Shown};
use sequencer::Request;
use signer::Signer;
pub(crate) use signer::{KeyLine, is_of_log};
pub(crate) use spool::Spool;
pub(crate) use tiles::LogFiles;

/// The log of this registry, or its copy of another one's.
#[derive(Debug)]
pub(crate) struct Log {
    files: LogFiles,
    kept: KeptState,
    published: watch::Receiver<Arc<Published>>,
    cosigned: Arc<Cosigned>,
    shown: watch::Receiver<Arc<Shown>>,
    writer: Writer,
}

/// What the log grows by.
#[derive(Debug)]
enum Writer {
    Sequencer {
        /// The one that signed when it was opened; none where it was lost.
        key: Option<Box<PublicKey>>,
        requests: std::sync::Mutex<Option<mpsc::Sender<Request>>>,
        thread: std::sync::Mutex<Option<JoinHandle<()>>>,
    },
    Mirrored(Arc<Mirrored>),
    /// Another process may append meanwhile.
    Nothing,
}

impl Log {
    /// Opens the log, finishes what a crash left undone, and starts the sequencer. Only a log that begins
    /// gets a key. One whose key is lost is read, and appends what names the next one.
    pub(crate) fn open(directory: &Path, key_file: &Path, quota: Quota) -> Result<Self, LogError> {
        let files = LogFiles::new(directory.to_owned());
        let kept = files.kept_state();
        let (found, tail) = recover::published(&files, &kept)?;
        let key = match key::read(key_file)? {
            None if !files.is_begun()? => Some(key::make(key_file)?),
            None if !bulla_files::has_file(&key::next(key_file))? => {
                return Err(key::lost(Some(&found.state), key_file));
            }
            key => key,
        };
        let mut signer = Signer::new(key_file, key);
        signer.settle(&found.state)?;
        if let Some(key) = signer.current() {
            key::require_named(&found.state, key, key_file)?;
        } else {
            tracing::warn!(
                "the log's key is lost: nothing is appended before a policy names the next one"
            );
        }
        let public_key = signer.current().map(SigningKey::public_key);
        let (recovered, tail) = recover::recover(&files, found, tail, &mut signer)?;
        let (cosigned, shown) = Cosigned::open(&files, &recovered)?;
        let recovered = Arc::new(recovered);
        kept.follow(&recovered);
        let (publish, published) = watch::channel(recovered);
        let (requests, receive) = mpsc::channel(sequencer::MOST_AT_ONCE);
        let written = (files.clone(), kept.clone(), Arc::clone(&cosigned));
        let sequencer = sequencer::start(written, signer, quota, tail, publish, receive)
            .map_err(LogError::System)?;
        Ok(Self {
            files,
            kept,
            published,
            cosigned,
            shown,
            writer: Writer::Sequencer {
                key: public_key.map(Box::new),
                requests: std::sync::Mutex::new(Some(requests)),
                thread: std::sync::Mutex::new(Some(sequencer)),
            },
        })
    }

    /// Opens the copy of a log, which nothing is appended to here.
    pub(crate) fn open_copy(directory: &Path) -> Result<Self, LogError> {
        let files = LogFiles::new(directory.to_owned());
        let kept = files.kept_state();
        let Opened {
            mirrored,
            published,
            cosigned,
            shown,
        } = Mirrored::open(&files, &kept)?;
        Ok(Self {
            files,
            kept,
            published,
            cosigned,
            shown,
            writer: Writer::Mirrored(Arc::new(mirrored)),
        })
    }

    /// Opens the log as it is published now, beside a server that may append to it.
    pub(crate) fn open_to_read(directory: &Path) -> Result<Self, LogError> {
        let files = LogFiles::new(directory.to_owned());
        let kept = files.kept_state();
        let (found, _) = recover::published(&files, &kept)?;
        kept.is_of(found.state.size());
        let (cosigned, shown) = Cosigned::open(&files, &found)?;
        let (_, published) = watch::channel(Arc::new(found));
        Ok(Self {
            files,
            kept,
            published,
            cosigned,
            shown,
            writer: Writer::Nothing,
        })
    }

    /// Returns what a copy of a log grows by; none where this is the log itself.
    pub(crate) fn mirrored(&self) -> Option<Arc<Mirrored>> {
        match &self.writer {
            Writer::Mirrored(mirrored) => Some(Arc::clone(mirrored)),
            Writer::Sequencer { .. } | Writer::Nothing => None,
        }
    }

    /// Returns what is published now.
    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.borrow())
    }

    /// Returns what servers are shown.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.borrow())
    }

    /// Returns what witnesses said of the log.
    pub(crate) fn cosigned(&self) -> Arc<Cosigned> {
        Arc::clone(&self.cosigned)
    }

    /// Returns what tells when the log has grown: as servers are shown it, or also by what waits for
    /// witnesses.
    pub(crate) fn growth(&self, of_newest: bool) -> Growth {
        if of_newest {
            Growth::Newest(self.published.clone())
        } else {
            Growth::Shown(self.shown.clone())
        }
    }

    /// Returns the public half of the log's key: of a copy, the one that signed the newest checkpoint.
    pub(crate) fn key(&self) -> Option<PublicKey> {
        match &self.writer {
            // Before the first policy nothing is signed.
            Writer::Sequencer { key, .. } => {
                let signer = self.published().signer();
                signer.or_else(|| key.as_deref().cloned())
            }
            Writer::Mirrored(_) | Writer::Nothing => self.published().signer(),
        }
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
        let Writer::Sequencer { requests, .. } = &self.writer else {
            return Err(Arc::new(LogError::Copy));
        };
        let requests = lock(requests).clone().ok_or_else(stopping)?;
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

    /// Lets the sequencer finish what it was given, ends it, and keeps what the log leads to.
    pub(crate) fn close(&self) {
        if let Writer::Sequencer {
            requests, thread, ..
        } = &self.writer
        {
            drop(lock(requests).take());
            if let Some(sequencer) = lock(thread).take()
                && sequencer.join().is_err()
            {
                tracing::error!("the sequencer panicked");
            }
        }
        self.kept.end(&self.published());
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
