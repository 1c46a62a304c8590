//! `FrameMaker`: from a content, or from what the cache has of it, to a frame.

use bulla_schemas::Digest;
use bulla_schemas::frames::FrameRecord;
use bytes::Bytes;

use super::cache::FrameCache;
use super::error::WriteError;
use super::failure::Failure;
use crate::frame;

/// What a frame is made from.
pub(super) enum FrameContent {
    /// Bytes that are compressed, unless the cache has them.
    Bytes(Bytes),
    /// A frame of the previous bundle, which the cache must have.
    Kept(FrameRecord),
}

impl FrameContent {
    /// What the frame counts against the bytes under way.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Kept(record) => record.compressed_size,
        }
    }
}

/// Makes frames, from several threads at once.
pub(super) struct FrameMaker<'a> {
    pub(super) level: u8,
    pub(super) cache: Option<&'a dyn FrameCache>,
}

impl FrameMaker<'_> {
    /// Returns the frame's line of the frame table, and its bytes.
    pub(super) fn make(&self, content: FrameContent) -> Result<(FrameRecord, Vec<u8>), Failure> {
        match content {
            FrameContent::Bytes(content) => self.compress(&content),
            FrameContent::Kept(record) => Ok((record, self.kept(&record)?)),
        }
    }

    /// Compresses a content, or takes what the cache has for it.
    fn compress(&self, content: &Bytes) -> Result<(FrameRecord, Vec<u8>), Failure> {
        let digest = Digest::of(content);
        let size = content.len() as u64;
        if let Some(cached) = self.cache.and_then(|cache| cache.load(digest)) {
            let record = FrameRecord {
                compressed_size: cached.compressed.len() as u64,
                size,
                compressed_digest: cached.digest,
                digest,
            };
            return Ok((record, cached.compressed));
        }
        let compressed = frame::compress(content, self.level).map_err(WriteError::Compress)?;
        let record = FrameRecord {
            compressed_size: compressed.len() as u64,
            size,
            compressed_digest: Digest::of(&compressed),
            digest,
        };
        if let Some(cache) = self.cache {
            cache.store(&record, &compressed);
        }
        Ok((record, compressed))
    }

    /// Returns the bytes of a frame of the previous bundle.
    fn kept(&self, record: &FrameRecord) -> Result<Vec<u8>, Failure> {
        self.cache
            .and_then(|cache| cache.load(record.digest))
            .filter(|cached| cached.digest == record.compressed_digest)
            .map(|cached| cached.compressed)
            .ok_or(Failure::Forgotten)
    }
}
