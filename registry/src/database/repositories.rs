//! Repositories: those that have a blob or a manifest, as the tables of both say.

use bulla_schemas::ProjectName;

use super::{Database, DatabaseError};
use crate::oci::digest::OciDigest;

impl Database {
    /// Returns up to `limit` repositories after `after`, in the order of their bytes.
    pub(crate) async fn repositories(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ProjectName>, DatabaseError> {
        // From one name to the next, each by the tables' keys: what repositories have is not counted.
        let query = sqlx::query(
            "WITH RECURSIVE names(name) AS (
                 SELECT (SELECT MIN(repository) FROM (
                     SELECT MIN(repository) AS repository FROM blobs WHERE repository > $1
                     UNION ALL SELECT MIN(repository) FROM manifests WHERE repository > $1
                 ) AS first)
                 UNION ALL
                 SELECT (SELECT MIN(repository) FROM (
                     SELECT MIN(repository) AS repository FROM blobs WHERE repository > name
                     UNION ALL SELECT MIN(repository) FROM manifests WHERE repository > name
                 ) AS next) FROM names WHERE name IS NOT NULL
             )
             SELECT name FROM names WHERE name IS NOT NULL LIMIT $2",
        );
        let query = query.bind(after.to_owned());
        self.page(query, limit, |row| super::parse(row, "name"))
            .await
    }

    /// Returns up to `limit` repositories that have a blob.
    pub(crate) async fn repositories_with(
        &self,
        blob: &OciDigest,
        limit: u32,
    ) -> Result<Vec<ProjectName>, DatabaseError> {
        let query = sqlx::query(
            "SELECT repository FROM blobs WHERE digest = $1 ORDER BY repository LIMIT $2",
        );
        let query = query.bind(blob.to_string());
        self.page(query, limit, |row| super::parse(row, "repository"))
            .await
    }

    /// Tells whether a repository has anything at all.
    pub(crate) async fn has_repository(
        &self,
        project: &ProjectName,
    ) -> Result<bool, DatabaseError> {
        let row = sqlx::query(
            "SELECT 1 FROM manifests WHERE repository = $1
             UNION ALL SELECT 1 FROM blobs WHERE repository = $1 LIMIT 1",
        )
        .bind(project.as_str())
        .fetch_optional(&self.reads)
        .await?;
        Ok(row.is_some())
    }
}
