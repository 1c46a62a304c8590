//! Manifests: found by tag or digest, and pushed with all that must hold before.

use bulla_schemas::{Digest, ProjectName};
use bytes::Bytes;

use super::admit::{AdmitError, admit};
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::database::ManifestRow;
use crate::objects::Object;
use crate::oci::digest::{Algorithm, OciDigest};
use crate::oci::document::Document;
use crate::oci::reference::Reference;

impl Catalog {
    /// Opens a manifest of a repository.
    pub(crate) async fn manifest(
        &self,
        project: &ProjectName,
        reference: &Reference,
    ) -> Result<Option<(ManifestRow, Object)>, PublishError> {
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
        let object = self.open(&digest).await?;
        Ok(object.map(|object| (row, object)))
    }

    /// Takes a manifest, and the tag that it is pushed under. `content_type` is what the client
    /// calls it.
    pub(crate) async fn push_manifest(
        &self,
        project: &ProjectName,
        reference: Reference,
        bytes: Bytes,
        content_type: Option<&str>,
    ) -> Result<ManifestRow, PublishError> {
        let (document, media_type) = Document::read(&bytes, content_type)?;
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
            self.check_bundle(project, &digest, &bytes).await?;
        }
        let manifest = ManifestRow::new(digest.clone(), media_type, bytes.len(), &document)?;
        self.add_manifest(project, bytes.into(), manifest.clone())
            .await?;
        if let Some(tag) = tag {
            self.set_tag(project, tag, &digest).await?;
        }
        Ok(manifest)
    }

    async fn check_parts(
        &self,
        project: &ProjectName,
        document: &Document,
    ) -> Result<(), PublishError> {
        let unknown = |digest: &OciDigest| PublishError::PartUnknown {
            digest: digest.to_string(),
        };
        for blob in document.blobs()? {
            if !self.database.has_blob(project, &blob).await? {
                return Err(unknown(&blob));
            }
        }
        for manifest in document.manifests()? {
            if self.database.manifest(project, &manifest).await?.is_none() {
                return Err(unknown(&manifest));
            }
        }
        Ok(())
    }

    /// A bundle is named by its sha256 everywhere, so it cannot be pushed under another digest.
    async fn check_bundle(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        bytes: &Bytes,
    ) -> Result<(), PublishError> {
        let hash = digest.sha256().ok_or_else(|| PublishError::Digest {
            expected: Digest::of(bytes).to_string(),
            found: digest.to_string(),
        })?;
        let (blobs, project, manifest) = (self.blobs.clone(), project.clone(), bytes.to_vec());
        let admitted = blocking(move || admit(&blobs, &project, hash, manifest)).await;
        admitted.map_err(|error| match error {
            AdmitError::File(error) => error.into(),
            error => PublishError::NotAdmitted(error),
        })
    }
}
