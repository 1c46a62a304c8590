//! The log as everybody sees it.

use std::sync::Arc;

use bulla_schemas::log::LogPosition;
use bulla_trust::{Admitted, LogState};
use tokio::sync::watch;

/// What a published checkpoint covers.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The log, replayed.
    pub(crate) state: LogState,
    /// The signed checkpoint; empty before the first entry.
    pub(crate) checkpoint: Vec<u8>,
}

/// Tells when the log has grown.
#[derive(Debug)]
pub(crate) struct Growth(pub(super) watch::Receiver<Arc<Published>>);

impl Growth {
    /// Waits until the log is larger than `size`, and returns how far it has come. Nothing when it
    /// grows no more.
    pub(crate) async fn beyond(&mut self, size: u64) -> Option<LogPosition> {
        let grown = self.0.wait_for(|published| published.state.size() > size);
        grown.await.ok().map(|published| published.state.position())
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
