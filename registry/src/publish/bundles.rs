//! Bundles that were admitted, read again.

use bulla_bundle::{Part, VerifiedBundle, VerifiedParts};
use bulla_schemas::Digest;
use bulla_schemas::api::{BlobFrame, Diff};
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;

use super::admit::{AdmitError, open_bundle, open_parts};
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::oci::digest::OciDigest;
use crate::store::Blob;
use crate::store::blobs::BlobStore;

impl Catalog {
    /// Reads a bundle's release document.
    pub(crate) async fn release_document(
        &self,
        hash: Digest,
    ) -> Result<Option<ReleaseDocument>, PublishError> {
        let blobs = self.blobs.clone();
        blocking(move || {
            let Some(manifest) = manifest(&blobs, hash)? else {
                return Ok(None);
            };
            let config = manifest.config.digest.into();
            let Some(document) = blobs.read(&config, ReleaseDocument::MAX_LEN)? else {
                return Ok(None);
            };
            let document = ReleaseDocument::from_bytes(&document);
            document.map(Some).map_err(|error| damaged(hash, error))
        })
        .await
    }

    /// Opens a bundle's payload.
    pub(crate) async fn payload(
        &self,
        hash: Digest,
    ) -> Result<Option<(OciDigest, Blob)>, PublishError> {
        let blobs = self.blobs.clone();
        blocking(move || {
            let Some(manifest) = manifest(&blobs, hash)? else {
                return Ok(None);
            };
            let digest = manifest.payload().digest.into();
            Ok(blobs.open(&digest)?.map(|blob| (digest, blob)))
        })
        .await
    }

    /// Reads two bundles for a token, all but their payloads, compares them, and takes what is
    /// wanted of the difference, which may be as long as they are.
    pub(crate) async fn compare<T: Send + 'static>(
        &self,
        token: &str,
        from: Digest,
        to: Digest,
        take: impl FnOnce(Diff) -> T + Send + 'static,
    ) -> Result<Option<T>, PublishError> {
        let blobs = self.blobs.clone();
        self.reading(token, move || {
            let (Some(before), Some(after)) = (bundle(&blobs, from)?, bundle(&blobs, to)?) else {
                return Ok(None);
            };
            Ok(Some(take(bulla_bundle::compare(&before, &after))))
        })
        .await
    }

    /// Returns the size of all parts of a bundle.
    pub(super) async fn bundle_size(&self, hash: Digest) -> Result<Option<u64>, PublishError> {
        let blobs = self.blobs.clone();
        let manifest = blocking(move || manifest(&blobs, hash)).await?;
        Ok(manifest.and_then(|manifest| manifest.total_size()))
    }
}

/// Returns the frames of a part as its blob has them.
pub(crate) fn blob_frames(parts: &VerifiedParts, part: Part) -> Vec<BlobFrame> {
    let frames = parts.frames(part).iter().map(|frame| BlobFrame {
        digest: frame.record.compressed_digest,
        size: frame.record.compressed_size,
    });
    let mut frames: Vec<BlobFrame> = frames.collect();
    if part == Part::Payload {
        let table = parts.seek_table();
        frames.push(BlobFrame {
            digest: Digest::of(&table),
            size: table.len() as u64,
        });
    }
    frames
}

fn manifest(blobs: &BlobStore, hash: Digest) -> Result<Option<Manifest>, PublishError> {
    let bytes = blobs.read(&hash.into(), Manifest::MAX_LEN)?;
    bytes
        .map(|bytes| Manifest::from_bytes(&bytes).map_err(|error| damaged(hash, error)))
        .transpose()
}

fn bundle(blobs: &BlobStore, hash: Digest) -> Result<Option<VerifiedBundle>, PublishError> {
    open_with(blobs, hash, open_bundle)
}

/// Reads the documents of a bundle.
pub(super) fn parts(
    blobs: &BlobStore,
    hash: Digest,
) -> Result<Option<VerifiedParts>, PublishError> {
    open_with(blobs, hash, open_parts)
}

fn open_with<T>(
    blobs: &BlobStore,
    hash: Digest,
    open: impl FnOnce(&BlobStore, Digest, Vec<u8>) -> Result<T, AdmitError>,
) -> Result<Option<T>, PublishError> {
    let Some(manifest) = blobs.read(&hash.into(), Manifest::MAX_LEN)? else {
        return Ok(None);
    };
    let opened = open(blobs, hash, manifest);
    opened.map(Some).map_err(|error| match error {
        AdmitError::File(error) => error.into(),
        error => damaged(hash, error),
    })
}

pub(super) fn damaged(
    hash: Digest,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PublishError {
    PublishError::Damaged {
        hash,
        source: error.into(),
    }
}
