//! Table `parts`: which manifest names which blob or manifest of its repository.

use bulla_schemas::ProjectName;
use sqlx::{Any, Transaction};

use super::{Database, DatabaseError};
use crate::oci::digest::OciDigest;

/// How many parts a statement is about.
const BATCH: usize = 500;

impl Database {
    /// Returns a manifest of the repository that names a blob or a manifest.
    pub(crate) async fn named_by(
        &self,
        project: &ProjectName,
        part: &OciDigest,
    ) -> Result<Option<OciDigest>, DatabaseError> {
        let row = sqlx::query(
            "SELECT manifest FROM parts WHERE repository = $1 AND digest = $2
             ORDER BY manifest LIMIT 1",
        )
        .bind(project.as_str())
        .bind(part.to_string())
        .fetch_optional(&self.reads)
        .await?;
        row.as_ref()
            .map(|row| super::parse(row, "manifest"))
            .transpose()
    }
}

pub(super) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    project: &ProjectName,
    manifest: &OciDigest,
    parts: &[OciDigest],
) -> Result<(), DatabaseError> {
    for batch in parts.chunks(BATCH) {
        let values: Vec<String> = (3..batch.len() + 3)
            .map(|n| format!("($1, $2, ${n})"))
            .collect();
        let text = format!(
            "INSERT INTO parts (repository, manifest, digest) VALUES {}
             ON CONFLICT DO NOTHING",
            values.join(", ")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(project.as_str())
            .bind(manifest.to_string());
        for part in batch {
            query = query.bind(part.to_string());
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

pub(super) async fn remove(
    transaction: &mut Transaction<'static, Any>,
    project: &ProjectName,
    manifest: &OciDigest,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM parts WHERE repository = $1 AND manifest = $2")
        .bind(project.as_str())
        .bind(manifest.to_string())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
