//! Table `blobs`: which repository has which blob.

use bulla_schemas::{ProjectName, Timestamp};
use sqlx::{Any, Transaction};

use super::{Database, DatabaseError};
use crate::oci::digest::OciDigest;

impl Database {
    /// Tells whether a repository has a blob.
    pub(crate) async fn has_blob(
        &self,
        project: &ProjectName,
        blob: &OciDigest,
    ) -> Result<bool, DatabaseError> {
        let asked = (project.clone(), blob.clone());
        let read = async |(project, blob): &(ProjectName, OciDigest)| {
            let row = sqlx::query("SELECT 1 FROM blobs WHERE repository = $1 AND digest = $2")
                .bind(project.as_str())
                .bind(blob.to_string())
                .fetch_optional(&self.reads)
                .await?;
            Ok(row.map(drop))
        };
        let remembered = &self.remembered;
        let found = remembered.blobs.get(&remembered.versions, asked, read);
        Ok(found.await?.is_some())
    }

    /// Indexes that a repository has a blob.
    pub(crate) async fn add_blob(
        &self,
        project: &ProjectName,
        blob: &OciDigest,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.write().await?;
        insert(&mut transaction, project, blob, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Returns all blobs of a repository.
    pub(crate) async fn blobs_of(
        &self,
        project: &ProjectName,
    ) -> Result<Vec<OciDigest>, DatabaseError> {
        let rows = sqlx::query("SELECT digest FROM blobs WHERE repository = $1")
            .bind(project.as_str())
            .fetch_all(&self.lists)
            .await?;
        rows.iter().map(|row| super::parse(row, "digest")).collect()
    }

    /// Forgets that a repository has a blob, and tells whether it had.
    pub(crate) async fn remove_blob(
        &self,
        project: &ProjectName,
        blob: &OciDigest,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.write().await?;
        let removed = sqlx::query("DELETE FROM blobs WHERE repository = $1 AND digest = $2")
            .bind(project.as_str())
            .bind(blob.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(removed.rows_affected() > 0)
    }
}

pub(crate) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    project: &ProjectName,
    blob: &OciDigest,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let query = "INSERT INTO blobs (repository, digest, seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (repository, digest) DO UPDATE SET seen_at = excluded.seen_at";
    sqlx::query(query)
        .bind(project.as_str())
        .bind(blob.to_string())
        .bind(now.as_seconds())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
