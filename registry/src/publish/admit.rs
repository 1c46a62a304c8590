//! What must hold before a bundle is admitted: every blob is there, the manifest, the release
//! document, the frame table and the index verify, every frame of the payload is the one in the
//! table, and the project is the repository.
//!
//! A courtesy: installers check all of it again. It keeps what no server could install out of the
//! registry, while the engineer who pushed it is still looking.

use std::io::{self, BufReader, Read as _};

use bulla_bundle::{Limits, UnverifiedBundle, VerifiedBundle, VerifiedParts, VerifyError};
use bulla_files::FileError;
use bulla_schemas::manifest::Descriptor;
use bulla_schemas::{Digest, ProjectName};

use crate::store::blobs::BlobStore;

/// Why a bundle is not admitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// A part contradicts another or the format.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The bundle belongs to another project.
    #[error("the repository is `{repository}`, but the bundle is one of `{project}`")]
    Project {
        repository: ProjectName,
        project: ProjectName,
    },
    /// A blob is missing, or has another size than its descriptor says.
    #[error("expected {digest} with {size} bytes, found {}", found.map_or("nothing".to_owned(), |found| format!("{found} bytes")))]
    Blob {
        digest: Digest,
        size: u64,
        found: Option<u64>,
    },
    /// A frame of the payload is not the one in the frame table.
    #[error("frame {position} of the payload is not the one in the frame table")]
    Frame { position: usize },
    /// A file operation of the registry failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The payload could not be read.
    #[error("the payload cannot be read")]
    Payload(#[source] io::Error),
}

/// Checks everything about a bundle that was pushed to `project`.
pub(crate) fn admit(
    blobs: &BlobStore,
    project: &ProjectName,
    hash: Digest,
    manifest: Vec<u8>,
) -> Result<(), AdmitError> {
    let bundle = open_bundle(blobs, hash, manifest)?;
    if bundle.release().project != *project {
        return Err(AdmitError::Project {
            repository: project.clone(),
            project: bundle.release().project.clone(),
        });
    }
    check_payload(blobs, &bundle)
}

/// Reads a stored bundle through all the checks that need no payload.
pub(crate) fn open_bundle(
    blobs: &BlobStore,
    hash: Digest,
    manifest: Vec<u8>,
) -> Result<VerifiedBundle, AdmitError> {
    let parts = open_parts(blobs, hash, manifest)?;
    let index = parts.decode_index(&read(blobs, parts.manifest().index())?)?;
    Ok(parts.verify(index)?)
}

/// Reads the documents of a stored bundle through all their checks.
pub(crate) fn open_parts(
    blobs: &BlobStore,
    hash: Digest,
    manifest: Vec<u8>,
) -> Result<VerifiedParts, AdmitError> {
    let verified = UnverifiedBundle { hash, manifest }.verify_manifest(&Limits::default())?;
    let manifest = verified.manifest().clone();
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        check_size(blobs, blob)?;
    }
    let release = read(blobs, &manifest.config)?;
    let frames = read(blobs, manifest.frames())?;
    Ok(verified.verify_parts(release, frames)?)
}

/// Compares the payload with the frame table. What the frames hold is not looked at: it would
/// cost as much as an installation.
fn check_payload(blobs: &BlobStore, bundle: &VerifiedBundle) -> Result<(), AdmitError> {
    let payload = bundle.manifest().payload();
    let blob = blobs
        .open(&payload.digest.into())?
        .ok_or_else(|| missing(payload, None))?;
    let mut reader = BufReader::with_capacity(1 << 20, blob);
    let mut frame = Vec::new();
    for (position, expected) in bundle.payload_frames().iter().enumerate() {
        frame.clear();
        (&mut reader)
            .take(expected.record.compressed_size)
            .read_to_end(&mut frame)
            .map_err(AdmitError::Payload)?;
        if Digest::of(&frame) != expected.record.compressed_digest {
            return Err(AdmitError::Frame { position });
        }
    }
    Ok(())
}

fn check_size(blobs: &BlobStore, blob: &Descriptor) -> Result<(), AdmitError> {
    match blobs.size(&blob.digest.into())? {
        Some(size) if size == blob.size => Ok(()),
        found => Err(missing(blob, found)),
    }
}

/// Reads a blob whose size was checked. `Limits` bounded what a manifest may announce.
fn read(blobs: &BlobStore, blob: &Descriptor) -> Result<Vec<u8>, AdmitError> {
    blobs
        .read(&blob.digest.into(), blob.size)?
        .ok_or_else(|| missing(blob, None))
}

fn missing(blob: &Descriptor, found: Option<u64>) -> AdmitError {
    AdmitError::Blob {
        digest: blob.digest,
        size: blob.size,
        found,
    }
}
