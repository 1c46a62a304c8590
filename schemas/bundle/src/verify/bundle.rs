//! The third step: the index, and with it a bundle that can be extracted.

use std::ops::Range;

use bulla_schemas::Digest;
use bulla_schemas::index::IndexEntry;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;

use super::error::{Part, VerifyError};
use super::frames::decode;
use super::index;
use super::parts::VerifiedParts;
use crate::canonical::TarSpan;
use crate::frame::{self, Frame};
use crate::windows::{NameProblem, windows_problems};

impl VerifiedParts {
    /// Checks the uncompressed index against its digest and all its entries against the rules:
    /// the only door to a [`VerifiedBundle`].
    pub fn verify(self, index: Vec<u8>) -> Result<VerifiedBundle, VerifyError> {
        let (entries, layout) = index::verify(&index, &self.release, &self.manifest.limits)?;
        Ok(VerifiedBundle {
            parts: self,
            index,
            entries,
            layout,
        })
    }
}

/// A bundle of which all is known and checked but the bytes of the payload, and each of these has
/// a digest that is.
#[derive(Debug)]
pub struct VerifiedBundle {
    parts: VerifiedParts,
    index: Vec<u8>,
    entries: Vec<IndexEntry>,
    layout: Vec<TarSpan>,
}

impl VerifiedBundle {
    /// Returns the release's hash.
    pub const fn hash(&self) -> Digest {
        self.parts.hash()
    }

    /// Returns the manifest.
    pub const fn manifest(&self) -> &Manifest {
        self.parts.manifest()
    }

    /// Returns the manifest's bytes, whose digest is the hash.
    pub fn manifest_bytes(&self) -> &[u8] {
        self.parts.manifest_bytes()
    }

    /// Returns the release document.
    pub const fn release(&self) -> &ReleaseDocument {
        self.parts.release()
    }

    /// Returns the release document's bytes.
    pub fn release_bytes(&self) -> &[u8] {
        self.parts.release_bytes()
    }

    /// Returns the frame table's blob, compressed.
    pub fn frames_blob(&self) -> &[u8] {
        self.parts.frames_blob()
    }

    /// Returns the index, uncompressed.
    pub fn index_bytes(&self) -> &[u8] {
        &self.index
    }

    /// Returns the frames of the index.
    pub fn index_frames(&self) -> &[Frame] {
        self.parts.index_frames()
    }

    /// Returns the entries in the order of the tar.
    pub fn entries(&self) -> &[IndexEntry] {
        &self.entries
    }

    /// Returns where each entry lies in the tar, in the order of [`Self::entries`].
    pub fn layout(&self) -> &[TarSpan] {
        &self.layout
    }

    /// Returns the frames of the payload, without the seek table behind them.
    pub fn payload_frames(&self) -> &[Frame] {
        self.parts.payload_frames()
    }

    /// Returns which frames of the payload hold these bytes of the tar.
    pub fn frames_of(&self, range: Range<u64>) -> Range<usize> {
        let frames = self.payload_frames();
        if range.is_empty() {
            return 0..0;
        }
        let first = frames.partition_point(|frame| frame.end() <= range.start);
        let end = frames.partition_point(|frame| frame.offset < range.end);
        first..end.max(first)
    }

    /// Checks the compressed digest of one frame of the payload, then decompresses it into
    /// exactly the size that the frame table announces.
    ///
    /// The content's own digest (`ud`) is not computed: the compressed digest implies it, and the
    /// digest of each file follows.
    pub fn decode_frame(&self, position: usize, compressed: &[u8]) -> Result<Vec<u8>, VerifyError> {
        decode(Part::Payload, self.payload_frames(), position, compressed)
    }

    /// Compresses the content of one frame of the payload again. `None` where that is not the frame,
    /// as when another libzstd than this one made the bundle.
    pub fn compress_frame(&self, position: usize, content: &[u8]) -> Option<Vec<u8>> {
        let record = &self.payload_frames().get(position)?.record;
        let compressed = frame::compress(content, self.release().codec.level()).ok()?;
        frame::check_compressed(record, &compressed).ok()?;
        Some(compressed)
    }

    /// Returns the names that Windows cannot hold; an installer there refuses a release with any.
    pub fn windows_problems(&self) -> Vec<NameProblem> {
        windows_problems(self.entries.iter().map(|entry| &entry.path))
    }
}
