//! Consistency proofs, out of the log's tiles: for witnesses that are asked.

use bulla_schemas::Digest;
use bulla_trust::consistency_from_tiles;
use bulla_trust::tile::{TilePath, decode_hashes};

use super::error::{DamagedLog, LogError};
use super::tiles::LogFiles;

impl LogFiles {
    /// Returns the proof that the log of `size` entries goes on from that of `old_size`. Nothing where the
    /// log is not so long.
    pub(crate) fn consistency(
        &self,
        old_size: u64,
        size: u64,
    ) -> Result<Option<Vec<Digest>>, LogError> {
        consistency_from_tiles(old_size, size, |tile: TilePath| {
            let content = self.tile(tile, size)?;
            let hashes = content.and_then(|content| decode_hashes(&content, tile.width));
            hashes.ok_or_else(|| DamagedLog::Tile { tile }.into())
        })
    }
}
