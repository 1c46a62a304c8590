//! Stored manifests, read as they were written: one that is other bytes than its digest says is none.

use bulla_files::FileError;
use bulla_schemas::manifest::Manifest;

use crate::database::IndexedManifest;
use crate::oci::digest::OciDigest;
use crate::oci::document::Document;
use crate::store::blobs::BlobStore;
use crate::store::repositories::ManifestRecord;

/// Reads a manifest; nothing where it is not stored, or not as it was written.
pub(super) fn read(
    blobs: &BlobStore,
    digest: &OciDigest,
    record: &ManifestRecord,
) -> Result<Option<Document>, FileError> {
    Ok(sized(blobs, digest, record)?.map(|(_, document)| document))
}

/// Reads a manifest as it is indexed.
pub(super) fn indexed(
    blobs: &BlobStore,
    digest: &OciDigest,
    record: &ManifestRecord,
) -> Result<Option<IndexedManifest>, FileError> {
    let found = sized(blobs, digest, record)?;
    Ok(found
        .and_then(|(size, document)| IndexedManifest::new(digest.clone(), size, &document).ok()))
}

fn sized(
    blobs: &BlobStore,
    digest: &OciDigest,
    record: &ManifestRecord,
) -> Result<Option<(usize, Document)>, FileError> {
    let bytes = blobs.read(digest, Manifest::MAX_LEN)?;
    let right = bytes.filter(|bytes| OciDigest::of(digest.algorithm(), bytes) == *digest);
    Ok(right.and_then(|bytes| {
        let document = Document::read(&bytes, Some(&record.media_type)).ok()?;
        Some((bytes.len(), document))
    }))
}
