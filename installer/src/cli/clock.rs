//! The only place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use bulla_schemas::Timestamp;

/// Returns the time now, to the second.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that hands the time to everything else"
)]
pub(super) fn now() -> Timestamp {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_seconds(seconds).ok())
        .unwrap_or(Timestamp::EPOCH)
}
