//! How a long step tells how far it has come, without knowing who listens.

/// Told about progress in bytes of content; called from the thread that does the work.
pub trait Progress: Sync {
    /// The step begins; `total_bytes` is absent when it cannot be known.
    fn start(&self, total_bytes: Option<u64>) {
        let _ = total_bytes;
    }

    /// `bytes` more are done.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
