//! The log as everybody sees it.

use bulla_trust::{Admitted, LogState};

/// What a published checkpoint covers.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The log, replayed.
    pub(crate) state: LogState,
    /// The signed checkpoint; empty before the first entry.
    pub(crate) checkpoint: Vec<u8>,
}

/// Where a submitted statement stands in the published log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// The entry, and whether it is a new one.
    pub(crate) admitted: Admitted,
    /// The size of the log.
    pub(crate) size: u64,
}
