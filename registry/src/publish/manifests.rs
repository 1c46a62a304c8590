//! Manifests: found by tag or digest, and pushed with all that must hold before.

use std::sync::Arc;

use bulla_schemas::{Digest, ProjectName};
use bytes::Bytes;

use super::admit::{AdmitError, admit};
use super::{Catalog, PublishError, Wanted};
use crate::blocking::blocking;
use crate::database::{IndexedManifest, ManifestRow};
use crate::oci::descriptor::Descriptor;
use crate::oci::digest::{Algorithm, OciDigest};
use crate::oci::document::Document;
use crate::oci::reference::{Reference, Tag};
use crate::store::Blob;
use crate::store::repositories::Removal;

/// What a manifest is pushed as.
#[derive(Debug)]
pub(crate) struct PushedAs {
    /// The digest that the client named; its sha256 where it named none.
    pub digest: Option<OciDigest>,
    /// The tags that are to name it.
    pub tags: Vec<Tag>,
}

impl Catalog {
    /// Opens a manifest of a repository.
    pub(crate) async fn manifest(
        &self,
        project: &ProjectName,
        reference: &Reference,
        wanted: Wanted,
    ) -> Result<Option<(Arc<ManifestRow>, Blob)>, PublishError> {
        let row = match reference {
            Reference::Digest(digest) => self.database.manifest(project, digest).await?,
            Reference::Tag(tag) => match self.head(project, tag) {
                Some(head) => self.database.manifest(project, &head).await?,
                None => self.database.tagged_manifest(project, tag).await?,
            },
        };
        let Some(row) = row else {
            return Ok(None);
        };
        let blob = self.open(&row.digest, wanted).await?;
        Ok(blob.map(|blob| (row, blob)))
    }

    /// Returns when and why `gc` removed a release, where the repository does not have it any more.
    pub(crate) async fn removal(
        &self,
        project: &ProjectName,
        reference: &Reference,
    ) -> Result<Option<Removal>, PublishError> {
        let digest = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(tag) => self.tagged(project, tag).await?,
        };
        let Some(digest) = digest else {
            return Ok(None);
        };
        let row = self.database.manifest(project, &digest).await?;
        if row.is_some() {
            return Ok(None);
        }
        let (repositories, project) = (self.repositories.clone(), project.clone());
        Ok(blocking(move || repositories.removal(&project, &digest)).await?)
    }

    /// Takes a manifest from a token, and the tags that it is pushed under. `content_type` is what
    /// the client calls it.
    pub(crate) async fn push_manifest(
        &self,
        token: &str,
        project: &ProjectName,
        PushedAs { digest, tags }: PushedAs,
        bytes: Bytes,
        content_type: Option<&str>,
    ) -> Result<ManifestRow, PublishError> {
        let document = Document::read(&bytes, content_type)?;
        let digest = digest.unwrap_or_else(|| OciDigest::of(Algorithm::Sha256, &bytes));
        let found = OciDigest::of(digest.algorithm(), &bytes);
        if found != digest {
            return Err(PublishError::Digest {
                expected: digest.to_string(),
                found: found.to_string(),
            });
        }
        self.check_tags(project, &tags, &digest).await?;
        self.check_parts(project, &document).await?;
        if document.is_bundle() {
            self.check_bundle(token, project, &digest, &bytes, &document)
                .await?;
        }
        let manifest = IndexedManifest::new(digest.clone(), bytes.len(), &document)?;
        let adding = self.changes.adding().await;
        if self.is_mutable(project) {
            // A part may have been deleted since.
            self.check_parts(project, &document).await?;
        }
        self.add_manifest(&adding, project, bytes.into(), &manifest)
            .await?;
        self.set_tags(&adding, project, tags, &digest).await?;
        if let Some(hash) = digest.sha256().filter(|_| document.is_bundle())
            && let Err(error) = self.attach_again(&adding, project, hash).await
        {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "a release statement was not attached");
        }
        Ok(manifest.row)
    }

    async fn check_parts(
        &self,
        project: &ProjectName,
        document: &Document,
    ) -> Result<(), PublishError> {
        for blob in document.blobs() {
            let known = self
                .database
                .see_blob(project, blob.digest(), self.now())
                .await?;
            self.check_part(known, blob).await?;
        }
        for manifest in document.manifests() {
            let known = self
                .database
                .see_manifest(project, manifest.digest(), self.now())
                .await?;
            self.check_part(known, manifest).await?;
        }
        Ok(())
    }

    /// A part that the repository has must be there with the size that the manifest gives it.
    async fn check_part(&self, known: bool, part: &Descriptor) -> Result<(), PublishError> {
        let expected = part.size();
        let mut found = self.size(part.digest()).await?;
        if found.is_some_and(|size| size != expected) {
            // Either the manifest is wrong, or what is stored.
            self.mender.check(part.digest()).await?;
            found = self.size(part.digest()).await?;
        }
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
        document: &Document,
    ) -> Result<(), PublishError> {
        let hash = digest.sha256().ok_or_else(|| PublishError::Digest {
            expected: Digest::of(bytes).to_string(),
            found: digest.to_string(),
        })?;
        let (blobs, project, manifest) = (self.blobs.clone(), project.clone(), bytes.to_vec());
        let admitted = self
            .reading(token, move || admit(&blobs, &project, hash, manifest))
            .await;
        match admitted {
            Ok(()) => Ok(()),
            Err(AdmitError::File(error)) => Err(error.into()),
            // What was pushed may be right, and what is stored damaged.
            Err(error) => match self.damaged_part(document).await? {
                Some(digest) => Err(PublishError::PartDamaged {
                    digest: digest.to_string(),
                }),
                None => Err(PublishError::NotAdmitted(error)),
            },
        }
    }

    /// Hashes the parts of a bundle, and returns the first that is not what its digest says.
    async fn damaged_part(&self, bundle: &Document) -> Result<Option<OciDigest>, PublishError> {
        for part in bundle.blobs() {
            let digest = part.digest();
            if self.size(digest).await?.is_some() && !self.mender.check(digest).await? {
                return Ok(Some(digest.clone()));
            }
        }
        Ok(None)
    }
}
