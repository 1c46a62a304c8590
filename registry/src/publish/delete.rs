//! What is deleted from a repository: tags, manifests and blobs. Content is shared between
//! repositories and stays in the store.
//!
//! The record says first that it is going, then the index forgets it, and then the record goes. A crash
//! before the second step leaves what was there, and one after it leaves nothing that comes back.

use std::collections::HashSet;

use bulla_files::FileError;
use bulla_schemas::{Digest, ProjectName};

use super::changes::Deleting;
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::database::ManifestRow;
use crate::failpoint::failpoint;
use crate::oci::digest::OciDigest;
use crate::oci::document::is_statement;
use crate::oci::reference::{Reference, Tag};
use crate::store::repositories::RecordKind;

impl Catalog {
    /// Tells whether the operator lets the tags of a repository move and its content be deleted.
    pub(crate) fn is_mutable(&self, project: &ProjectName) -> bool {
        self.mutable.iter().any(|pattern| pattern.matches(project))
    }

    /// Deletes a tag, or a manifest with all its tags, and tells whether it was there.
    pub(crate) async fn delete_manifest(
        &self,
        project: &ProjectName,
        reference: &Reference,
    ) -> Result<bool, PublishError> {
        let deleting = self.changes.deleting().await;
        let _content = self.keep_content().await?;
        match reference {
            Reference::Tag(tag) => self.delete_tag(&deleting, project, tag).await,
            Reference::Digest(digest) => self.delete_digest(&deleting, project, digest).await,
        }
    }

    /// Takes a blob from a repository, and tells whether it had it. One that a manifest of the
    /// repository names stays.
    pub(crate) async fn delete_blob(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
    ) -> Result<bool, PublishError> {
        let _deleting = self.changes.deleting().await;
        let _content = self.keep_content().await?;
        if let Some(manifest) = self.database.named_by(project, digest).await? {
            return Err(PublishError::BlobInUse {
                digest: digest.to_string(),
                manifest: manifest.to_string(),
            });
        }
        let blob = (RecordKind::Blob, digest.clone());
        self.begin_deletion(project, Some(blob), Vec::new()).await?;
        failpoint!("delete::blob-begun");
        let indexed = self.database.remove_blob(project, digest).await?;
        failpoint!("delete::blob-forgotten");
        let (repositories, name, blob) =
            (self.repositories.clone(), project.clone(), digest.clone());
        let recorded = blocking(move || repositories.remove_blob(&name, &blob)).await?;
        self.forget_frames(project, digest).await?;
        Ok(indexed || recorded)
    }

    /// Forgets that a repository has those frames of a deleted blob that none of its other blobs has.
    async fn forget_frames(
        &self,
        project: &ProjectName,
        deleted: &OciDigest,
    ) -> Result<(), PublishError> {
        let (blobs, name) = (self.blobs.clone(), deleted.clone());
        let Some(recipe) = blocking(move || blobs.recipe(&name)).await? else {
            return Ok(());
        };
        let others = self.database.blobs_of(project).await?;
        let blobs = self.blobs.clone();
        let forgotten = blocking(move || {
            let frames = recipe.blob_frames();
            let mut frames: HashSet<Digest> = frames.iter().map(|frame| frame.digest).collect();
            for other in others {
                if frames.is_empty() {
                    break;
                }
                if let Some(recipe) = blobs.recipe(&other)? {
                    for frame in recipe.blob_frames() {
                        frames.remove(&frame.digest);
                    }
                }
            }
            Ok::<_, FileError>(frames.into_iter().collect::<Vec<_>>())
        })
        .await?;
        Ok(self.database.remove_frames(project, &forgotten).await?)
    }

    async fn delete_tag(
        &self,
        _: &Deleting<'_>,
        project: &ProjectName,
        tag: &Tag,
    ) -> Result<bool, PublishError> {
        if self.is_channel(project, tag) {
            let tag = tag.to_string();
            return Err(PublishError::TagIsChannel { tag });
        }
        self.begin_deletion(project, None, vec![tag.clone()])
            .await?;
        let indexed = self.database.remove_tag(project, tag).await?;
        let (repositories, name, tag) = (self.repositories.clone(), project.clone(), tag.clone());
        let recorded = blocking(move || repositories.remove_tag(&name, &tag)).await?;
        Ok(indexed || recorded)
    }

    async fn delete_digest(
        &self,
        _: &Deleting<'_>,
        project: &ProjectName,
        digest: &OciDigest,
    ) -> Result<bool, PublishError> {
        let row = self.database.manifest(project, digest).await?;
        // Also where it is damaged and the index does not know it: it may be put right again.
        if row.is_some_and(|row| self.is_of_the_log(project, &row)) || self.names(project, digest) {
            let digest = digest.to_string();
            return Err(PublishError::InLog { digest });
        }
        if let Some(index) = self.database.named_by(project, digest).await? {
            return Err(PublishError::ManifestInUse {
                digest: digest.to_string(),
                index: index.to_string(),
            });
        }
        let tags = self.database.tags_of(project, digest).await?;
        let manifest = (RecordKind::Manifest, digest.clone());
        self.begin_deletion(project, Some(manifest), tags).await?;
        failpoint!("delete::begun");
        let (indexed, tags) = self.database.remove_manifest(project, digest).await?;
        failpoint!("delete::rows-forgotten");
        let (repositories, name, manifest) =
            (self.repositories.clone(), project.clone(), digest.clone());
        let recorded = blocking(move || {
            // No tag names what is not recorded.
            for tag in &tags {
                repositories.remove_tag(&name, tag)?;
            }
            repositories.remove_manifest(&name, &manifest)
        })
        .await?;
        Ok(indexed || recorded)
    }

    async fn begin_deletion(
        &self,
        project: &ProjectName,
        digest: Option<(RecordKind, OciDigest)>,
        tags: Vec<Tag>,
    ) -> Result<(), PublishError> {
        let (repositories, name) = (self.repositories.clone(), project.clone());
        let begin = move || {
            let digest = digest.as_ref().map(|(kind, digest)| (*kind, digest));
            repositories.begin_deletion(&name, digest, &tags)
        };
        Ok(blocking(begin).await?)
    }

    /// Tells whether a manifest is a bundle that the log names, or was made of its statements, as it
    /// would be again.
    fn is_of_the_log(&self, project: &ProjectName, manifest: &ManifestRow) -> bool {
        let named = |digest: &OciDigest| self.names(project, digest);
        let is_statement = is_statement(manifest.artifact_type.as_deref());
        named(&manifest.digest) || is_statement && manifest.subject.as_ref().is_some_and(named)
    }

    /// Tells whether the log names a bundle.
    fn names(&self, project: &ProjectName, digest: &OciDigest) -> bool {
        let is_named = |hash| {
            self.with_state(|state| {
                state.release(project, &hash).is_some()
                    || state.revocation(project, &hash).is_some()
            })
        };
        digest.sha256().is_some_and(is_named)
    }
}
