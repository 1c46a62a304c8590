//! The first step: from a hash to the manifest that has it.

use bulla_schemas::Digest;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;

use super::blob::check_digest;
use super::error::{Part, VerifyError};
use crate::limits::Limits;

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
    pub(super) hash: Digest,
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: Manifest,
    pub(super) limits: Limits,
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
}
