//! Deltas of any documents and pieces, for tests.

use super::documents::{decompress, dictionary};
use super::prefix;
use crate::frame;
use crate::limits::Limits;
use crate::verify::VerifiedParts;

/// Makes the delta whose first frame has these bytes, whatever they are. `None` where libzstd does
/// not compress them.
pub fn forge_delta(have: &VerifiedParts, documents: &[u8], pieces: &[u8]) -> Option<Vec<u8>> {
    let mut delta = prefix::compress(documents, &dictionary(have)).ok()?;
    delta.extend_from_slice(pieces);
    Some(delta)
}

/// Returns the documents of a delta and what stands behind them.
pub fn take_apart<'a>(have: &VerifiedParts, delta: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
    let (documents, pieces) = delta.split_at(frame::end(delta));
    let documents = decompress(documents, have, &Limits::default()).ok()?;
    Some((documents, pieces))
}
