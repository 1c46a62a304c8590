//! The reader.
use crate::{Frame, Limits, NameProblem, TarSpan, TreeError};
use bulla_schemas::Digest;
use bulla_schemas::index::IndexEntry;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;
use std::io::Read;
use std::ops::Range;
/// Why a bundle is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The entries.
    #[error(transparent)]
    Tree(#[from] TreeError),
}
/// A manifest from anywhere, and the hash it must have.
#[derive(Debug, Clone)]
pub struct UnverifiedBundle {
    /// The release's hash.
    pub hash: Digest,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
}
impl UnverifiedBundle {
    /// Checks the manifest.
    pub fn verify_manifest(self, limits: &Limits) -> Result<VerifiedManifest, VerifyError> {
        let _ = limits;
        unimplemented!()
    }
}
/// A manifest with the right hash.
#[derive(Debug)]
pub struct VerifiedManifest {}
impl VerifiedManifest {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        unimplemented!()
    }
    /// Checks the release document and the frame table.
    pub fn verify_parts(
        self,
        release: &[u8],
        frames_blob: &[u8],
    ) -> Result<VerifiedParts, VerifyError> {
        let _ = (release, frames_blob);
        unimplemented!()
    }
}
/// A release document and a frame table that belong to the manifest.
#[derive(Debug)]
pub struct VerifiedParts {}
impl VerifiedParts {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        unimplemented!()
    }
    /// The release document.
    pub fn release(&self) -> &ReleaseDocument {
        unimplemented!()
    }
    /// The payload's frames.
    pub fn payload_frames(&self) -> &[Frame] {
        unimplemented!()
    }
    /// The index's frames.
    pub fn index_frames(&self) -> &[Frame] {
        unimplemented!()
    }
    /// Checks and decodes one frame of the index.
    pub fn decode_index_frame(
        &self,
        position: usize,
        compressed: &[u8],
    ) -> Result<Vec<u8>, VerifyError> {
        let _ = (position, compressed);
        unimplemented!()
    }
    /// Decodes the whole index blob.
    pub fn decode_index(&self, blob: &[u8]) -> Result<Vec<u8>, VerifyError> {
        let _ = blob;
        unimplemented!()
    }
    /// Checks the index.
    pub fn verify(self, index: Vec<u8>) -> Result<VerifiedBundle, VerifyError> {
        let _ = index;
        unimplemented!()
    }
}
/// A bundle of which everything but the payload's frames is known and checked.
#[derive(Debug)]
pub struct VerifiedBundle {}
impl VerifiedBundle {
    /// The release's hash.
    pub fn hash(&self) -> Digest {
        unimplemented!()
    }
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        unimplemented!()
    }
    /// The manifest's bytes.
    pub fn manifest_bytes(&self) -> &[u8] {
        unimplemented!()
    }
    /// The release document.
    pub fn release(&self) -> &ReleaseDocument {
        unimplemented!()
    }
    /// The release document's bytes.
    pub fn release_bytes(&self) -> &[u8] {
        unimplemented!()
    }
    /// The frame table's blob, compressed.
    pub fn frames_blob(&self) -> &[u8] {
        unimplemented!()
    }
    /// The index, uncompressed.
    pub fn index_bytes(&self) -> &[u8] {
        unimplemented!()
    }
    /// The entries, in tar order.
    pub fn entries(&self) -> &[IndexEntry] {
        unimplemented!()
    }
    /// The payload's frames.
    pub fn payload_frames(&self) -> &[Frame] {
        unimplemented!()
    }
    /// Where each entry lies in the tar, in the order of `entries`.
    pub fn layout(&self) -> &[TarSpan] {
        unimplemented!()
    }
    /// Which payload frames hold these bytes of the tar.
    pub fn frames_of(&self, range: Range<u64>) -> Range<usize> {
        let _ = range;
        unimplemented!()
    }
    /// Checks the compressed digest, then decompresses into exactly the announced size.
    pub fn decode_frame(&self, position: usize, compressed: &[u8]) -> Result<Vec<u8>, VerifyError> {
        let _ = (position, compressed);
        unimplemented!()
    }
    /// Checks the content of a frame that was rebuilt from files or a delta.
    pub fn check_frame_content(&self, position: usize, content: &[u8]) -> Result<(), VerifyError> {
        let _ = (position, content);
        unimplemented!()
    }
    /// Names that Windows cannot hold.
    pub fn windows_problems(&self) -> Vec<NameProblem> {
        unimplemented!()
    }
    /// Checks a whole payload: every digest, and every byte of the tar.
    pub fn verify_payload(&self, payload: &mut dyn Read) -> Result<(), VerifyError> {
        let _ = payload;
        unimplemented!()
    }
    /// Checks a whole tar.
    pub fn verify_tar(&self, tar: &mut dyn Read) -> Result<(), VerifyError> {
        let _ = tar;
        unimplemented!()
    }
}
