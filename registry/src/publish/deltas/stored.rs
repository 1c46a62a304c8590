//! A bundle that was admitted: its documents, and its frames by ranges.

use std::error::Error;
use std::io;
use std::ops::Range;

use bulla_bundle::{Part, VerifiedParts};
use bulla_schemas::Digest;
use bulla_schemas::manifest::Descriptor;

use crate::oci::digest::OciDigest;
use crate::publish::PublishError;
use crate::publish::bundles::{damaged, parts};
use crate::store::Blob;
use crate::store::blobs::BlobStore;

/// A bundle that is stored.
pub(super) struct Stored {
    pub(super) parts: VerifiedParts,
    pub(super) frames: Frames,
}

/// Its frames.
pub(super) struct Frames {
    index: (OciDigest, Blob),
    payload: (OciDigest, Blob),
}

impl Stored {
    pub(super) fn open(blobs: &BlobStore, hash: Digest) -> Result<Self, PublishError> {
        let missing = |part: Part| damaged(hash, format!("the {part} is missing"));
        let parts = parts(blobs, hash)?.ok_or_else(|| missing(Part::Manifest))?;
        let open = |part, descriptor: &Descriptor| {
            let digest = OciDigest::from(descriptor.digest);
            let blob = blobs.open(&digest)?.ok_or_else(|| missing(part))?;
            Ok::<_, PublishError>((digest, blob))
        };
        let frames = Frames {
            index: open(Part::Index, parts.manifest().index())?,
            payload: open(Part::Payload, parts.manifest().payload())?,
        };
        Ok(Self { parts, frames })
    }

    /// Says that a frame of this bundle is not what it was, and looks at all of its blob.
    pub(super) fn damaged(
        &self,
        blobs: &BlobStore,
        part: Part,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> PublishError {
        self.frames.are_whole(blobs, part);
        damaged(self.parts.hash(), error)
    }
}

impl Frames {
    pub(super) fn read(&mut self, part: Part, span: &Range<u64>) -> io::Result<Vec<u8>> {
        let (_, blob) = match part {
            Part::Index => &mut self.index,
            _ => &mut self.payload,
        };
        blob.read_part(span)
    }

    /// Looks at all of a blob. Where it is damaged it is moved away, and the
    /// next push brings it back.
    pub(super) fn are_whole(&self, blobs: &BlobStore, part: Part) -> bool {
        let (digest, _) = match part {
            Part::Index => &self.index,
            _ => &self.payload,
        };
        blobs.check(digest).unwrap_or_else(|error| {
            tracing::error!(%error, "damaged content stays where it is");
            false
        })
    }
}
