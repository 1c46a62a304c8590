//! What an earlier pack left behind, so that the next one reads and compresses only what changed.
//!
//! Nothing here changes a byte of a bundle: what is missing or damaged is made anew.

use bulla_schemas::Digest;
use bulla_schemas::frames::FrameRecord;
use bulla_schemas::index::IndexEntry;

/// Compressed frames by the digest of their content, for one codec. Used by several threads at
/// once; may lose anything at any time.
pub trait FrameCache: Sync {
    /// Returns the frame with this content, unless it is missing or damaged.
    fn load(&self, content: Digest) -> Option<CachedFrame>;

    /// Keeps a frame. Failing is fine.
    fn store(&self, record: &FrameRecord, compressed: &[u8]);
}

/// A frame as the cache has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedFrame {
    /// The sha256 of the compressed bytes.
    pub digest: Digest,
    /// The compressed bytes.
    pub compressed: Vec<u8>,
}

/// The entries of an earlier bundle and the frames of its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// All entries, in order.
    pub entries: Vec<IndexEntry>,
    /// All frames of the payload, in order.
    pub payload: Vec<FrameRecord>,
}

/// All that an earlier pack left.
#[derive(Clone, Copy)]
pub struct Earlier<'a> {
    /// Frames, for the codec of the seed.
    pub frames: &'a dyn FrameCache,
    /// The bundle to which this one may be similar.
    pub previous: Option<&'a Previous>,
}
