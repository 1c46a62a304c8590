//! How far a mirror is, as its metrics show it.

use std::sync::atomic::{AtomicU64, Ordering};

use bulla_schemas::Timestamp;

/// How far a mirror is.
#[derive(Debug, Default)]
pub(crate) struct Mirrored {
    /// How many entries the origin's log is said to have.
    said: AtomicU64,
    /// When the last round ended well, in seconds since 1970.
    success: AtomicU64,
}

impl Mirrored {
    /// Notes how many entries the origin's log is said to have.
    pub(super) fn hear(&self, size: u64) {
        self.said.store(size, Ordering::Relaxed);
    }

    /// Notes that a round has ended well.
    pub(super) fn succeed(&self, now: Timestamp) {
        let now = u64::try_from(now.as_seconds()).unwrap_or(0);
        self.success.store(now, Ordering::Relaxed);
    }

    /// Returns how many entries are missing here, of which `size` are.
    pub(super) fn behind(&self, size: u64) -> u64 {
        self.said.load(Ordering::Relaxed).saturating_sub(size)
    }

    /// Returns how many entries are missing here, of which `size` are; nothing where the origin was not
    /// heard.
    pub(crate) fn heard_behind(&self, size: u64) -> Option<u64> {
        (self.said.load(Ordering::Relaxed) > 0).then(|| self.behind(size))
    }

    /// Returns when the last round ended well; nothing where none did.
    pub(crate) fn succeeded_at(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.success()).ok()?;
        (seconds > 0).then(|| Timestamp::from_seconds(seconds).ok())?
    }

    /// Returns when the last round ended well; 0 where none did.
    pub(super) fn success(&self) -> u64 {
        self.success.load(Ordering::Relaxed)
    }
}
