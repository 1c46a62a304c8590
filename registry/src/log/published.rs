//! The log as everybody sees it.

use bulla_trust::LogState;

/// What a published checkpoint covers.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The log, replayed.
    pub(crate) state: LogState,
    /// The signed checkpoint; empty before the first entry.
    pub(crate) checkpoint: Vec<u8>,
}
