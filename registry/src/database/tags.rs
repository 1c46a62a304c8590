//! Table `tags`: the names of manifests.

use bulla_schemas::ProjectName;
use sqlx::{Any, Row as _, Transaction};

use super::{Database, DatabaseError};
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

impl Database {
    /// Returns the manifest that a tag names.
    pub(crate) async fn tag(
        &self,
        project: &ProjectName,
        tag: &Tag,
    ) -> Result<Option<OciDigest>, DatabaseError> {
        let asked = (project.clone(), tag.clone());
        let read = async |(project, tag): &(ProjectName, Tag)| {
            let row = sqlx::query("SELECT digest FROM tags WHERE repository = $1 AND tag = $2")
                .bind(project.as_str())
                .bind(tag.as_str())
                .fetch_optional(&self.reads)
                .await?;
            row.as_ref()
                .map(|row| super::parse(row, "digest"))
                .transpose()
        };
        let remembered = &self.remembered;
        remembered.tags.get(&remembered.versions, asked, read).await
    }

    /// Returns all tags that name a manifest.
    pub(crate) async fn tags_of(
        &self,
        project: &ProjectName,
        manifest: &OciDigest,
    ) -> Result<Vec<Tag>, DatabaseError> {
        let rows = sqlx::query("SELECT tag FROM tags WHERE repository = $1 AND digest = $2")
            .bind(project.as_str())
            .bind(manifest.to_string())
            .fetch_all(&self.lists)
            .await?;
        rows.iter().map(|row| super::parse(row, "tag")).collect()
    }

    /// Indexes what a tag names.
    pub(crate) async fn set_tag(
        &self,
        project: &ProjectName,
        tag: &Tag,
        manifest: &OciDigest,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.write().await?;
        insert(&mut transaction, project, tag, manifest).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets a tag, and tells whether it was there.
    pub(crate) async fn remove_tag(
        &self,
        project: &ProjectName,
        tag: &Tag,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.write().await?;
        let removed = sqlx::query("DELETE FROM tags WHERE repository = $1 AND tag = $2")
            .bind(project.as_str())
            .bind(tag.as_str())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(removed.rows_affected() > 0)
    }

    /// Returns up to `limit` tags after `after`, in the order of their bytes.
    pub(crate) async fn tags(
        &self,
        project: &ProjectName,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, DatabaseError> {
        let query = "SELECT tag FROM tags WHERE repository = $1 AND tag > $2 ORDER BY tag LIMIT $3";
        let query = sqlx::query(query).bind(project.as_str()).bind(after);
        self.page(query, limit, |row| Ok(row.try_get("tag")?)).await
    }
}

pub(crate) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    project: &ProjectName,
    tag: &Tag,
    manifest: &OciDigest,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO tags (repository, tag, digest) VALUES ($1, $2, $3)
         ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest",
    )
    .bind(project.as_str())
    .bind(tag.as_str())
    .bind(manifest.to_string())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Forgets all tags of a manifest, and returns them.
pub(super) async fn remove_all_of(
    transaction: &mut Transaction<'static, Any>,
    project: &ProjectName,
    manifest: &OciDigest,
) -> Result<Vec<Tag>, DatabaseError> {
    let rows = sqlx::query("DELETE FROM tags WHERE repository = $1 AND digest = $2 RETURNING tag")
        .bind(project.as_str())
        .bind(manifest.to_string())
        .fetch_all(&mut **transaction)
        .await?;
    rows.iter().map(|row| super::parse(row, "tag")).collect()
}
