//! What one delta may cost.

use crate::publish::PublishError;

/// Most bytes that are decompressed and compressed for one delta, contents and dictionaries. That
/// takes a core two to four seconds where all is new, and then saves little.
pub(super) const MOST_WORK: u64 = 128 << 20;
/// Most bytes of one delta: a client holds it in memory.
pub(crate) const MOST_SIZE: u64 = 16 << 20;
/// Most bytes of contents that are compressed again for one that was sent, at a level of up to 9: a
/// second for a core. Higher levels take longer, and may compress less.
pub(super) const MOST_COMPRESSED: u64 = 48 << 20;
/// Most bytes of frames of one blob that are stored with one that was sent: they are in memory.
pub(super) const MOST_STORED: u64 = 24 << 20;

/// Refuses more than a limit.
pub(super) fn within(work: u64, limit: u64) -> Result<(), PublishError> {
    if work <= limit {
        Ok(())
    } else {
        Err(PublishError::DeltaTooLarge { work, limit })
    }
}
