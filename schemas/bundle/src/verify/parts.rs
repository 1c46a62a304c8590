//! The second step: the release document and the frame table that belong to the manifest.

use bulla_schemas::Digest;
use bulla_schemas::frames::FrameRecord;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::ReleaseDocument;

use super::blob::check_blob;
use super::error::{Part, VerifyError};
use super::manifest::VerifiedManifest;
use crate::document::{self, Blobs};
use crate::frame::{self, Frame};
use crate::frame_table::{self, FrameTable};
use crate::limits::Limits;
use crate::seek_table;

impl VerifiedManifest {
    /// Checks the release document and the frame table: digests, forms, that they belong
    /// together, and that all sums agree.
    pub fn verify_parts(
        self,
        release: Vec<u8>,
        frames_blob: Vec<u8>,
    ) -> Result<VerifiedParts, VerifyError> {
        check_blob(Part::Release, &self.manifest.config, &release)?;
        check_blob(Part::Frames, self.manifest.frames(), &frames_blob)?;
        let document = ReleaseDocument::from_bytes(&release)?;
        self.check_release(&document)?;
        let frames = decode_frame_table(&frames_blob, &self.limits)?;
        check_sums(&self.manifest, &document, &frames)?;
        Ok(VerifiedParts {
            manifest: self,
            release_bytes: release,
            release: document,
            frames_blob,
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
    pub(super) manifest: VerifiedManifest,
    pub(super) release_bytes: Vec<u8>,
    pub(super) release: ReleaseDocument,
    pub(super) frames_blob: Vec<u8>,
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

    /// Returns the manifest's bytes, whose digest is the hash.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest.bytes
    }

    /// Returns the release document.
    pub const fn release(&self) -> &ReleaseDocument {
        &self.release
    }

    /// Returns the release document's bytes.
    pub fn release_bytes(&self) -> &[u8] {
        &self.release_bytes
    }

    /// Returns the frame table's blob, compressed.
    pub fn frames_blob(&self) -> &[u8] {
        &self.frames_blob
    }

    /// Returns the text of the frame table, which is the only possible one.
    pub(crate) fn frame_table(&self) -> Vec<u8> {
        let records = |frames: &[Frame]| -> Vec<FrameRecord> {
            frames.iter().map(|frame| frame.record).collect()
        };
        frame_table::to_bytes(&records(&self.frames.payload), &records(&self.frames.index))
    }

    /// Returns the frames of the index or of the payload. The other parts have none.
    pub fn frames(&self, part: Part) -> &[Frame] {
        match part {
            Part::Payload => self.payload_frames(),
            Part::Index => self.index_frames(),
            Part::Manifest | Part::Release | Part::Frames => &[],
        }
    }

    /// Returns the frames of the payload, without the seek table behind them.
    pub fn payload_frames(&self) -> &[Frame] {
        &self.frames.payload
    }

    /// Returns the seek table that stands behind the frames of the payload.
    pub fn seek_table(&self) -> Vec<u8> {
        let records = self.payload_frames().iter().map(|frame| &frame.record);
        // A payload with frames that it cannot hold has another size than its manifest says.
        seek_table::to_bytes(records).unwrap_or_default()
    }

    /// Returns the frames of the index, which fill its blob.
    pub fn index_frames(&self) -> &[Frame] {
        &self.frames.index
    }

    /// Checks that an index is the release's, byte for byte. What stands in it is not looked at,
    /// which takes [`Self::verify`].
    pub fn check_index(&self, index: &[u8]) -> Result<(), VerifyError> {
        super::index::check_digest(index, &self.release)
    }
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
