//! What a mirror takes over that no client could push: blobs that lie here for other projects, and
//! tags that have moved where they come from.

use bulla_schemas::ProjectName;

use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

impl Catalog {
    /// Gives a project a blob that is stored with this size, whoever it was stored for, and tells
    /// whether it has it now. Only for what the origin itself gives the project.
    pub(crate) async fn share(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        size: u64,
    ) -> Result<bool, PublishError> {
        let adding = self.changes.adding().await;
        let _content = self.keep_content().await?;
        let found = self.size(digest).await?;
        if found.is_some_and(|found| found != size) && !self.mender.check(digest).await? {
            return Ok(false);
        }
        if found.is_none() {
            return Ok(false);
        }
        if self.database.has_blob(project, digest).await? {
            return Ok(true);
        }
        self.add_blob(&adding, project, digest).await?;
        let (blobs, name) = (self.blobs.clone(), digest.clone());
        if let Some(recipe) = blocking(move || blobs.recipe(&name)).await? {
            self.index_frames(project, &recipe).await?;
        }
        Ok(true)
    }

    /// Points a tag to a manifest that the project has, wherever it pointed before. Tags with the
    /// name of a channel stay with the log.
    pub(crate) async fn point(
        &self,
        project: &ProjectName,
        tag: &Tag,
        digest: &OciDigest,
    ) -> Result<(), PublishError> {
        let _adding = self.changes.adding().await;
        let _one_at_a_time = self.tags.lock().await;
        if self.is_channel(project, tag) {
            return Ok(());
        }
        let (repositories, name) = (self.repositories.clone(), project.clone());
        let (pointer, target) = (tag.clone(), digest.clone());
        blocking(move || repositories.record_tag(&name, &pointer, &target)).await?;
        Ok(self.database.set_tag(project, tag, digest).await?)
    }
}
