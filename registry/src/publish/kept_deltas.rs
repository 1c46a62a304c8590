//! `KeptDeltas`: the deltas that were made last, each made once for all who ask at the same moment.

use std::sync::atomic::{AtomicU64, Ordering};

use bulla_schemas::Digest;
use bytes::Bytes;
use moka::future::Cache;

use super::PublishError;

/// Most bytes of deltas that are kept: thousands of changed lines.
const KEPT: u64 = 64 << 20;
/// What a delta takes in memory besides its bytes.
const OVERHEAD: u32 = 256;

/// The deltas that were made last.
#[derive(Debug)]
pub(super) struct KeptDeltas {
    kept: Cache<(Digest, Digest), Bytes>,
    /// How many were made, and not taken from here.
    pub(super) made: AtomicU64,
}

impl KeptDeltas {
    pub(super) fn new() -> Self {
        let weigh = |_: &(Digest, Digest), delta: &Bytes| {
            u32::try_from(delta.len()).map_or(u32::MAX, |size| size.saturating_add(OVERHEAD))
        };
        Self {
            kept: Cache::builder().max_capacity(KEPT).weigher(weigh).build(),
            made: AtomicU64::new(0),
        }
    }

    /// Returns how many were made, and about how many bytes of them are kept.
    pub(super) fn counts(&self) -> (u64, u64) {
        let made = self.made.load(Ordering::Relaxed);
        (made, self.kept.weighted_size())
    }

    /// Returns a delta that is kept, or that `make` makes, once for all who ask meanwhile.
    pub(super) async fn get(
        &self,
        have: Digest,
        want: Digest,
        make: impl Future<Output = Result<Bytes, PublishError>>,
    ) -> Result<Bytes, PublishError> {
        let make = async {
            let delta = make.await?;
            let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::info!(%have, %want, size = delta.len(), number, "made a delta");
            Ok(delta)
        };
        let kept = self.kept.try_get_with((have, want), make).await;
        kept.map_err(PublishError::Shared)
    }
}
