//! Consistency proofs out of a log's tiles, for witnesses that are asked. A few tiles of each level are
//! read, however long the log is.

use bulla_schemas::Digest;

use crate::merkle::{consistency_proof_by, tree_hash};
use crate::tile::{FULL, TileKind, TilePath};

/// Returns the proof that the log of `size` entries goes on from that of `old_size`; the empty one from
/// nothing, and none where the log is not so long. `read` gives the hashes of a tile.
pub fn consistency_from_tiles<E>(
    old_size: u64,
    size: u64,
    mut read: impl FnMut(TilePath) -> Result<Vec<Digest>, E>,
) -> Result<Option<Vec<Digest>>, E> {
    if old_size == 0 {
        return Ok(Some(Vec::new()));
    }
    consistency_proof_by(old_size, size, |height, index| {
        // It is within one tile, which holds the roots of `2^(8 * level)` leaves each.
        let (level, within) = (height / 8, height % 8);
        let (from, full) = (index << within, u64::from(FULL));
        let there = (size >> (8 * level)) - from / full * full;
        let tile = TilePath {
            kind: TileKind::Hashes {
                level: u8::try_from(level).unwrap_or(u8::MAX),
            },
            index: from / full,
            width: u16::try_from(there).map_or(FULL, |there| there.min(FULL)),
        };
        let hashes = read(tile)?;
        let from = usize::try_from(from % full).unwrap_or(usize::MAX);
        let hashes = hashes.get(from..).unwrap_or_default();
        Ok(tree_hash(hashes.get(..1 << within).unwrap_or_default()))
    })
}
