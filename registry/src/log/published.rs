//! The log as everybody sees it.

use std::sync::Arc;

use bulla_schemas::log::LogPosition;
use bulla_trust::{Admitted, Checkpoint, LogState, PublicKey};
use tokio::sync::watch;

/// What a published checkpoint covers.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The log, replayed.
    pub(crate) state: LogState,
    /// The signed checkpoint; empty before the first entry.
    pub(crate) checkpoint: Vec<u8>,
}

impl Published {
    /// Returns the key of the policy that signed the checkpoint.
    pub(crate) fn signer(&self) -> Option<PublicKey> {
        let (_, note) = Checkpoint::parse(&self.checkpoint).ok()?;
        let mut keys = self.state.checked_policy()?.log_keys().iter();
        let signer = keys.find(|key| note.is_signed_by(key))?;
        Some(signer.key().clone())
    }
}

/// The log as servers are shown it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) position: LogPosition,
    /// The signed note; empty before the first entry.
    pub(crate) note: Vec<u8>,
}

/// Tells when the log has grown.
#[derive(Debug)]
pub(crate) enum Growth {
    /// By entries that witnesses may still have to see.
    Newest(watch::Receiver<Arc<Published>>),
    /// As servers are shown it.
    Shown(watch::Receiver<Arc<Shown>>),
}

impl Growth {
    /// Waits until the log is larger than `size`, and returns how far it has come. Nothing when it
    /// grows no more.
    pub(crate) async fn beyond(&mut self, size: u64) -> Option<LogPosition> {
        match self {
            Self::Newest(published) => {
                let grown = published.wait_for(|published| published.state.size() > size);
                grown.await.ok().map(|published| published.state.position())
            }
            Self::Shown(shown) => {
                let grown = shown.wait_for(|shown| shown.position.size > size);
                grown.await.ok().map(|shown| shown.position)
            }
        }
    }
}

/// Where a submitted statement stands in the published log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// The entry, and whether it is a new one.
    pub(crate) admitted: Admitted,
    /// The size of the log.
    pub(crate) size: u64,
}
