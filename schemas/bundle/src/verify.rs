//! The reader: from a hash to a bundle that can be extracted, one checked step at a time.
//!
//! ```text
//! UnverifiedBundle    a hash from a verified statement, a manifest from anywhere
//!   verify_manifest   -> VerifiedManifest   digest, form, limits
//!   verify_parts      -> VerifiedParts      release document and frame table: digests, sums
//!   verify            -> VerifiedBundle     index: digest, every rule for entries, size of the tar
//!     decode_frame                          compressed digest, then exactly the announced size
//!     check_framing                         headers and fillings of one decoded frame
//!     verify_payload                        all frames, the seek table, every byte of the tar
//! ```
//!
//! Each step takes bytes from anywhere and only what a step before has checked decides how many
//! are read or decompressed. What the writer could not have written is refused. There is no other
//! way to a [`VerifiedBundle`]: no public constructor, no serde.

mod error;
mod framing;
mod index;
mod payload;

use std::ops::Range;

use bulla_schemas::Digest;
use bulla_schemas::index::IndexEntry;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::ReleaseDocument;

pub use error::{Part, VerifyError};

use crate::canonical::TarSpan;
use crate::document::{self, Blobs};
use crate::frame::{self, Frame};
use crate::frame_table::FrameTable;
use crate::limits::Limits;
use crate::seek_table;
use crate::windows::{NameProblem, windows_problems};

/// A manifest from anywhere, and the hash that it must have.
#[derive(Debug, Clone)]
pub struct UnverifiedBundle {
    /// The release's hash, from a verified statement or typed by a person.
    pub hash: Digest,
    /// The bytes that are said to be its manifest.
    pub manifest: Vec<u8>,
}

impl UnverifiedBundle {
    /// Checks the manifest's digest and form, and that what it names is within limits.
    pub fn verify_manifest(self, limits: &Limits) -> Result<VerifiedManifest, VerifyError> {
        Limits::check_document("manifest", Manifest::MAX_LEN, self.manifest.len() as u64)?;
        check_digest(Part::Manifest, self.hash, &self.manifest)?;
        let manifest = Manifest::from_bytes(&self.manifest)?;
        let release_size = manifest.config.size;
        Limits::check_document("release document", ReleaseDocument::MAX_LEN, release_size)?;
        limits.check_index_size(manifest.index().size)?;
        limits.check_frame_table_size(manifest.frames().size)?;
        limits.check_tar_size(manifest.payload().size)?;
        Ok(VerifiedManifest {
            hash: self.hash,
            bytes: self.manifest,
            manifest,
            limits: limits.clone(),
        })
    }
}

/// A manifest with the right hash, of a form that the writer writes.
#[derive(Debug)]
pub struct VerifiedManifest {
    hash: Digest,
    bytes: Vec<u8>,
    manifest: Manifest,
    limits: Limits,
}

impl VerifiedManifest {
    /// Returns the release's hash.
    pub const fn hash(&self) -> Digest {
        self.hash
    }

    /// Returns the manifest.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Checks the release document and the frame table: digests, forms, that they belong
    /// together, and that all sums agree.
    pub fn verify_parts(
        self,
        release: &[u8],
        frames_blob: &[u8],
    ) -> Result<VerifiedParts, VerifyError> {
        check_blob(Part::Release, &self.manifest.config, release)?;
        check_blob(Part::Frames, self.manifest.frames(), frames_blob)?;
        let document = ReleaseDocument::from_bytes(release)?;
        self.check_release(&document)?;
        let frames = decode_frame_table(frames_blob, &self.limits)?;
        check_sums(&self.manifest, &document, &frames)?;
        Ok(VerifiedParts {
            manifest: self,
            release_bytes: release.to_vec(),
            release: document,
            frames_blob: frames_blob.to_vec(),
            frames,
        })
    }

    fn check_release(&self, release: &ReleaseDocument) -> Result<(), VerifyError> {
        let limits = &self.limits;
        limits.check_entries(release.files)?;
        limits.check_index_size(release.index.size)?;
        limits.check_tar_size(release.tar)?;
        limits.check_ratio(release.tar, self.manifest.payload().size)?;
        if document::manifest(release, &Blobs::of(&self.manifest)) == self.manifest {
            Ok(())
        } else {
            Err(VerifyError::ForeignManifest)
        }
    }
}

/// A release document and a frame table that belong to the manifest.
#[derive(Debug)]
pub struct VerifiedParts {
    manifest: VerifiedManifest,
    release_bytes: Vec<u8>,
    release: ReleaseDocument,
    frames_blob: Vec<u8>,
    frames: FrameTable,
}

impl VerifiedParts {
    /// Returns the release's hash.
    pub const fn hash(&self) -> Digest {
        self.manifest.hash
    }

    /// Returns the manifest.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest.manifest
    }

    /// Returns the release document.
    pub const fn release(&self) -> &ReleaseDocument {
        &self.release
    }

    /// Returns the frames of the payload, without the seek table behind them.
    pub fn payload_frames(&self) -> &[Frame] {
        &self.frames.payload
    }

    /// Returns the frames of the index, which fill its blob.
    pub fn index_frames(&self) -> &[Frame] {
        &self.frames.index
    }

    /// Checks the compressed digest of one frame of the index, then decompresses it.
    ///
    /// The parts, in order, are what [`Self::verify`] takes. A part whose `ud` an older release
    /// on disk has too can be taken from there.
    pub fn decode_index_frame(
        &self,
        position: usize,
        compressed: &[u8],
    ) -> Result<Vec<u8>, VerifyError> {
        decode(Part::Index, &self.frames.index, position, compressed)
    }

    /// Checks and decompresses the frames that lie in `run` of the index blob, whose bytes are
    /// `bytes`, and puts each in its place in `contents`, unless something is there already.
    pub fn decode_index_run(
        &self,
        run: &Range<u64>,
        bytes: &[u8],
        contents: &mut [Option<Vec<u8>>],
    ) -> Result<(), VerifyError> {
        for (position, (frame, content)) in self.frames.index.iter().zip(contents).enumerate() {
            let span = frame.span();
            if content.is_some() || span.start < run.start || span.end > run.end {
                continue;
            }
            let compressed = frame::slice(bytes, span.start - run.start, span.end - span.start);
            if let Some(compressed) = compressed {
                *content = Some(self.decode_index_frame(position, compressed)?);
            }
        }
        Ok(())
    }

    /// Checks and decompresses the whole index blob.
    pub fn decode_index(&self, blob: &[u8]) -> Result<Vec<u8>, VerifyError> {
        let descriptor = self.manifest().index();
        if blob.len() as u64 != descriptor.size {
            return Err(VerifyError::Size {
                part: Part::Index,
                expected: descriptor.size,
                found: blob.len() as u64,
            });
        }
        let mut index = Vec::new();
        let mut rest = blob;
        for (position, frame) in self.frames.index.iter().enumerate() {
            let len = usize::try_from(frame.record.compressed_size).unwrap_or(usize::MAX);
            // The sums agree, so no frame reaches behind the blob.
            let (compressed, behind) = rest.split_at(len.min(rest.len()));
            index.extend(self.decode_index_frame(position, compressed)?);
            rest = behind;
        }
        Ok(index)
    }

    /// Checks the uncompressed index against its digest and all its entries against the rules:
    /// the only door to a [`VerifiedBundle`].
    pub fn verify(self, index: Vec<u8>) -> Result<VerifiedBundle, VerifyError> {
        let entries = index::verify(&index, &self.release, &self.manifest.limits)?;
        let layout = index::layout(&entries, &self.release)?;
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
        &self.parts.manifest.bytes
    }

    /// Returns the release document.
    pub const fn release(&self) -> &ReleaseDocument {
        self.parts.release()
    }

    /// Returns the release document's bytes.
    pub fn release_bytes(&self) -> &[u8] {
        &self.parts.release_bytes
    }

    /// Returns the frame table's blob, compressed.
    pub fn frames_blob(&self) -> &[u8] {
        &self.parts.frames_blob
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

    /// Checks the content of a frame of the payload that was rebuilt from local files or a delta.
    pub fn check_frame_content(&self, position: usize, content: &[u8]) -> Result<(), VerifyError> {
        let frame = frame_at(Part::Payload, self.payload_frames(), position)?;
        frame::check_content(&frame.record, content)
            .map_err(|source| VerifyError::frame(Part::Payload, position, source))
    }

    /// Returns the names that Windows cannot hold; an installer there refuses a release with any.
    pub fn windows_problems(&self) -> Vec<NameProblem> {
        windows_problems(self.entries.iter().map(|entry| &entry.path))
    }
}

fn decode(
    part: Part,
    frames: &[Frame],
    position: usize,
    compressed: &[u8],
) -> Result<Vec<u8>, VerifyError> {
    let frame = frame_at(part, frames, position)?;
    frame::decode(&frame.record, compressed)
        .map_err(|source| VerifyError::frame(part, position, source))
}

fn frame_at(part: Part, frames: &[Frame], position: usize) -> Result<&Frame, VerifyError> {
    frames.get(position).ok_or(VerifyError::NoSuchFrame {
        part,
        position,
        frames: frames.len(),
    })
}

/// The table is one frame; what its header announces is bounded before anything is allocated.
fn decode_frame_table(blob: &[u8], limits: &Limits) -> Result<FrameTable, VerifyError> {
    let in_table = |source| VerifyError::frame(Part::Frames, 0, source);
    let size = frame::content_size(blob).map_err(in_table)?;
    limits.check_frame_table_size(size)?;
    let text = frame::decompress(blob, size).map_err(in_table)?;
    Ok(FrameTable::from_bytes(&text)?)
}

/// The frame table against the manifest (compressed) and the release document (uncompressed).
fn check_sums(
    manifest: &Manifest,
    release: &ReleaseDocument,
    frames: &FrameTable,
) -> Result<(), VerifyError> {
    let seek_table = seek_table::size(frames.payload.len() as u64);
    let sums = [
        (
            Part::Payload,
            &frames.payload,
            manifest.payload(),
            release.tar,
            seek_table,
        ),
        (
            Part::Index,
            &frames.index,
            manifest.index(),
            release.index.size,
            0,
        ),
    ];
    for (part, frames, blob, size, behind) in sums {
        check_sum(part, frames, blob, size, behind)?;
    }
    Ok(())
}

fn check_sum(
    part: Part,
    frames: &[Frame],
    blob: &Descriptor,
    size: u64,
    behind: u64,
) -> Result<(), VerifyError> {
    let last = frames.last();
    let compressed = behind + last.map_or(0, |frame| frame.span().end);
    if compressed != blob.size {
        return Err(VerifyError::CompressedSum {
            part,
            expected: blob.size,
            found: compressed,
        });
    }
    let uncompressed = last.map_or(0, Frame::end);
    if uncompressed != size {
        return Err(VerifyError::Sum {
            part,
            expected: size,
            found: uncompressed,
        });
    }
    Ok(())
}

fn check_blob(part: Part, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), VerifyError> {
    let found = bytes.len() as u64;
    if found != descriptor.size {
        return Err(VerifyError::Size {
            part,
            expected: descriptor.size,
            found,
        });
    }
    check_digest(part, descriptor.digest, bytes)
}

fn check_digest(part: Part, expected: Digest, bytes: &[u8]) -> Result<(), VerifyError> {
    let found = Digest::of(bytes);
    if found == expected {
        Ok(())
    } else {
        Err(VerifyError::Digest {
            part,
            expected,
            found,
        })
    }
}
