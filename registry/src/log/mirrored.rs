//! The log of another registry, as it is kept here: it grows by entries that were judged, and by the
//! checkpoint that the origin signed, which comes last.

use std::sync::{Arc, Mutex, PoisonError};

use bulla_files::FileError;
use bulla_trust::LogState;
use tokio::sync::watch;

use super::cosigned::Cosigned;
use super::error::LogError;
use super::kept::KeptState;
use super::published::{Published, Shown};
use super::recover;
use super::spool::Spool;
use super::tiles::{LogFiles, Tail};
use crate::failpoint::failpoint;

/// What a copy of a log grows by.
#[derive(Debug)]
pub(crate) struct Mirrored {
    files: LogFiles,
    kept: KeptState,
    tail: Mutex<Tail>,
    publish: watch::Sender<Arc<Published>>,
    cosigned: Arc<Cosigned>,
}

/// A copy, and what tells of it.
pub(super) struct Opened {
    pub(super) mirrored: Mirrored,
    pub(super) published: watch::Receiver<Arc<Published>>,
    pub(super) cosigned: Arc<Cosigned>,
    pub(super) shown: watch::Receiver<Arc<Shown>>,
}

impl Mirrored {
    /// Opens the copy, and returns what tells of its growth. What a crash left is fetched again.
    pub(super) fn open(files: &LogFiles, kept: &KeptState) -> Result<Opened, LogError> {
        let (found, tail) = recover::published(files, kept)?;
        files.forget_behind(found.state.size())?;
        let (cosigned, shown) = Cosigned::open(files, &found)?;
        cosigned.mirror(&found);
        let found = Arc::new(found);
        kept.follow(&found);
        let (publish, published) = watch::channel(found);
        let mirrored = Self {
            files: files.clone(),
            kept: kept.clone(),
            tail: Mutex::new(tail),
            publish,
            cosigned: Arc::clone(&cosigned),
        };
        Ok(Opened {
            mirrored,
            published,
            cosigned,
            shown,
        })
    }

    /// Takes over entries that lead from what is published to `state`, and publishes the checkpoint
    /// over them. When that fails, the log is as it was before.
    pub(crate) fn take(
        &self,
        entries: Spool,
        checkpoint: Vec<u8>,
        state: LogState,
    ) -> Result<(), FileError> {
        let mut last = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, to) = (self.publish.borrow().state.size(), state.size());
        let mut tail = last.clone();
        let mut size = from;
        let written = entries.each_batch(&mut |batch: Vec<Vec<u8>>| {
            self.files.grow(size, &batch, &mut tail)?;
            size += batch.len() as u64;
            Ok::<_, FileError>(())
        });
        let written = written.and_then(|()| {
            failpoint!("mirrored::entries-written");
            self.publish_file(&checkpoint)
        });
        if let Err(error) = written {
            self.files.discard(from, to);
            return Err(error);
        }
        failpoint!("mirrored::checkpoint-published");
        *last = tail;
        let published = Arc::new(Published { state, checkpoint });
        self.publish.send_replace(Arc::clone(&published));
        self.kept.follow(&published);
        self.cosigned.mirror(&published);
        self.files.prune(from, to);
        tracing::info!(from, to, "took over entries of the log");
        Ok(())
    }

    /// Publishes a checkpoint. When the rename happened and what follows failed, readers see the
    /// new checkpoint, so it counts.
    fn publish_file(&self, checkpoint: &[u8]) -> Result<(), FileError> {
        match self.files.publish(checkpoint) {
            Err(error) if self.files.checkpoint()?.as_deref() == Some(checkpoint) => {
                tracing::warn!(%error, "a checkpoint was published and may not be durable yet");
                Ok(())
            }
            result => result,
        }
    }
}
