//! Manifests: found by tag or digest, and pushed with all that must hold before.

use bulla_files::FileError;
use bulla_schemas::{Digest, ProjectName};
use bytes::Bytes;

use super::admit::{AdmitError, admit};
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::database::{IndexedManifest, ManifestRow};
use crate::oci::descriptor::Descriptor;
use crate::oci::digest::{Algorithm, OciDigest};
use crate::oci::document::Document;
use crate::oci::reference::Reference;
use crate::store::Blob;
use crate::store::blobs::BlobStore;

impl Catalog {
    /// Opens a manifest of a repository.
    pub(crate) async fn manifest(
        &self,
        project: &ProjectName,
        reference: &Reference,
    ) -> Result<Option<(ManifestRow, Blob)>, PublishError> {
        let digest = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(tag) => self.tagged(project, tag).await?,
        };
        let Some(digest) = digest else {
            return Ok(None);
        };
        let Some(row) = self.database.manifest(project, &digest).await? else {
            return Ok(None);
        };
        let blob = self.open(&digest).await?;
        Ok(blob.map(|blob| (row, blob)))
    }

    /// Takes a manifest from a token, and the tag that it is pushed under. `content_type` is what
    /// the client calls it.
    pub(crate) async fn push_manifest(
        &self,
        token: &str,
        project: &ProjectName,
        reference: Reference,
        bytes: Bytes,
        content_type: Option<&str>,
    ) -> Result<ManifestRow, PublishError> {
        let document = Document::read(&bytes, content_type)?;
        let (digest, tag) = match reference {
            Reference::Digest(digest) => (digest, None),
            Reference::Tag(tag) => (OciDigest::of(Algorithm::Sha256, &bytes), Some(tag)),
        };
        let found = OciDigest::of(digest.algorithm(), &bytes);
        if found != digest {
            return Err(PublishError::Digest {
                expected: digest.to_string(),
                found: found.to_string(),
            });
        }
        if let Some(tag) = &tag {
            self.check_tag(project, tag, &digest).await?;
        }
        self.check_parts(project, &document).await?;
        if document.is_bundle() {
            self.check_bundle(token, project, &digest, &bytes).await?;
        }
        let manifest = IndexedManifest::new(digest.clone(), bytes.len(), &document)?;
        self.add_manifest(project, bytes.into(), &manifest).await?;
        if let Some(tag) = tag {
            self.set_tag(project, tag, &digest).await?;
        }
        Ok(manifest.row)
    }

    async fn check_parts(
        &self,
        project: &ProjectName,
        document: &Document,
    ) -> Result<(), PublishError> {
        for blob in document.blobs() {
            let known = self.database.has_blob(project, blob.digest()).await?;
            self.check_part(known, blob).await?;
        }
        for manifest in document.manifests() {
            let row = self.database.manifest(project, manifest.digest()).await?;
            self.check_part(row.is_some(), manifest).await?;
        }
        Ok(())
    }

    /// A part that the repository has must be there with the size that the manifest gives it.
    async fn check_part(&self, known: bool, part: &Descriptor) -> Result<(), PublishError> {
        let (blobs, digest, expected) = (self.blobs.clone(), part.digest().clone(), part.size());
        let found = blocking(move || match blobs.size(&digest)? {
            // Either the manifest is wrong, or what is stored.
            Some(size) if size != expected && !blobs.check(&digest)? => Ok(None),
            size => Ok::<_, FileError>(size),
        })
        .await?;
        match found.filter(|_| known) {
            Some(found) if found == expected => Ok(()),
            Some(found) => Err(PublishError::PartSize {
                digest: part.digest().to_string(),
                expected,
                found,
            }),
            None => Err(PublishError::PartUnknown {
                digest: part.digest().to_string(),
            }),
        }
    }

    /// A bundle is named by its sha256 everywhere, so it cannot be pushed under another digest.
    async fn check_bundle(
        &self,
        token: &str,
        project: &ProjectName,
        digest: &OciDigest,
        bytes: &Bytes,
    ) -> Result<(), PublishError> {
        let hash = digest.sha256().ok_or_else(|| PublishError::Digest {
            expected: Digest::of(bytes).to_string(),
            found: digest.to_string(),
        })?;
        let (blobs, project, manifest) = (self.blobs.clone(), project.clone(), bytes.to_vec());
        self.reading(token, move || {
            let Err(error) = admit(&blobs, &project, hash, manifest.clone()) else {
                return Ok(());
            };
            match error {
                AdmitError::File(error) => Err(error.into()),
                // What was pushed may be right, and what is stored damaged.
                error => match damaged_part(&blobs, &manifest)? {
                    Some(digest) => Err(PublishError::PartDamaged {
                        digest: digest.to_string(),
                    }),
                    None => Err(PublishError::NotAdmitted(error)),
                },
            }
        })
        .await
    }
}

/// Hashes the parts of a bundle, and returns the first that is not what its digest says.
fn damaged_part(blobs: &BlobStore, manifest: &[u8]) -> Result<Option<OciDigest>, FileError> {
    let Ok(document) = Document::read(manifest, None) else {
        return Ok(None);
    };
    for part in document.blobs() {
        if blobs.size(part.digest())?.is_some() && !blobs.check(part.digest())? {
            return Ok(Some(part.digest().clone()));
        }
    }
    Ok(None)
}
