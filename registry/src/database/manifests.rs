//! Table `manifests`: which repository has which manifest, and what refers to what.

use std::sync::Arc;

use bulla_schemas::{ProjectName, Timestamp};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row as _, Transaction};

use super::rows::ManifestRow;
use super::{Database, DatabaseError, parts, tags};
use crate::oci::digest::OciDigest;
use crate::oci::document::{Document, DocumentError};
use crate::oci::reference::Tag;

/// A manifest with all that the index keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexedManifest {
    /// What everything else needs.
    pub row: ManifestRow,
    /// Its annotations, a JSON object.
    pub annotations: String,
    /// The blobs and manifests that it names, each once.
    pub parts: Vec<OciDigest>,
}

/// A manifest as a list of referrers shows it, which may be as long as the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedReferrer {
    /// What everything else needs.
    pub row: ManifestRow,
    /// Its annotations, a JSON object.
    pub annotations: String,
}

impl IndexedManifest {
    /// Returns what the index keeps of a manifest of `size` bytes.
    pub(crate) fn new(
        digest: OciDigest,
        size: usize,
        document: &Document,
    ) -> Result<Self, DocumentError> {
        Ok(Self {
            row: ManifestRow {
                digest,
                media_type: document.media_type().to_owned(),
                size: size as u64,
                artifact_type: document.artifact_type().map(ToOwned::to_owned),
                subject: document.subject().cloned(),
            },
            annotations: serde_json::to_string(document.annotations())
                .map_err(DocumentError::Json)?,
            parts: document.parts().into_iter().cloned().collect(),
        })
    }

    /// Returns how many bytes of a list of referrers depend on the manifest.
    fn listed_bytes(&self) -> usize {
        self.annotations.len() + self.row.artifact_type.as_ref().map_or(0, String::len)
    }
}

/// Which manifests are asked for: those about `subject` whose digest is after `after`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Referrers<'a> {
    /// The repository.
    pub project: &'a ProjectName,
    /// What they are about.
    pub subject: &'a OciDigest,
    /// Only of this type; all when absent.
    pub artifact_type: Option<&'a str>,
    /// The last digest of the page before; empty for the first.
    pub after: &'a str,
}

const COLUMNS: &str = "digest, media_type, size, artifact_type, subject";

impl Database {
    /// Returns a manifest of a repository.
    pub(crate) async fn manifest(
        &self,
        project: &ProjectName,
        manifest: &OciDigest,
    ) -> Result<Option<Arc<ManifestRow>>, DatabaseError> {
        let asked = (project.clone(), manifest.clone());
        let read = async |(project, manifest): &(ProjectName, OciDigest)| {
            let row = sqlx::query(sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM manifests WHERE repository = $1 AND digest = $2"
            )))
            .bind(project.as_str())
            .bind(manifest.to_string())
            .fetch_optional(&self.reads)
            .await?;
            shared(row.as_ref())
        };
        let remembered = &self.remembered;
        let found = remembered.manifests.get(&remembered.versions, asked, read);
        found.await
    }

    /// Returns the manifest of a repository that a tag names.
    pub(crate) async fn tagged_manifest(
        &self,
        project: &ProjectName,
        tag: &Tag,
    ) -> Result<Option<Arc<ManifestRow>>, DatabaseError> {
        let asked = (project.clone(), tag.clone());
        let read = async |(project, tag): &(ProjectName, Tag)| {
            let row = sqlx::query(sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM manifests WHERE repository = $1 AND digest =
                 (SELECT digest FROM tags WHERE repository = $1 AND tag = $2)"
            )))
            .bind(project.as_str())
            .bind(tag.as_str())
            .fetch_optional(&self.reads)
            .await?;
            shared(row.as_ref())
        };
        let remembered = &self.remembered;
        let found = remembered.tagged.get(&remembered.versions, asked, read);
        found.await
    }

    /// Indexes a manifest.
    pub(crate) async fn add_manifest(
        &self,
        project: &ProjectName,
        manifest: &IndexedManifest,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.write().await?;
        insert(&mut transaction, project, manifest, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets a manifest and the tags that name it. Returns these, and whether it was there.
    pub(crate) async fn remove_manifest(
        &self,
        project: &ProjectName,
        manifest: &OciDigest,
    ) -> Result<(bool, Vec<Tag>), DatabaseError> {
        let mut transaction = self.write().await?;
        let tags = tags::remove_all_of(&mut transaction, project, manifest).await?;
        parts::remove(&mut transaction, project, manifest).await?;
        let removed = sqlx::query("DELETE FROM manifests WHERE repository = $1 AND digest = $2")
            .bind(project.as_str())
            .bind(manifest.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok((removed.rows_affected() > 0, tags))
    }

    /// Returns how many bytes each of up to `limit` manifests about a subject adds to a list of
    /// them, in the order of [`referrers`](Self::referrers): so that a page can be cut before it is
    /// in memory. The index alone answers this.
    pub(crate) async fn referrer_sizes(
        &self,
        asked: &Referrers<'_>,
        limit: u32,
    ) -> Result<Vec<u64>, DatabaseError> {
        let read = |row: &AnyRow| size(row, "listed_bytes");
        self.page(select("listed_bytes", asked), limit, read).await
    }

    /// Returns up to `limit` manifests about a subject, in the order of their digests.
    pub(crate) async fn referrers(
        &self,
        asked: &Referrers<'_>,
        limit: u32,
    ) -> Result<Vec<ListedReferrer>, DatabaseError> {
        let columns = "digest, media_type, size, artifact_type, subject, annotations";
        self.page(select(columns, asked), limit, |row| {
            Ok(ListedReferrer {
                row: read(row)?,
                annotations: row.try_get("annotations")?,
            })
        })
        .await
    }
}

/// The query for columns of the manifests about a subject, without how many.
fn select(columns: &'static str, asked: &Referrers<'_>) -> Query<'static, Any, AnyArguments> {
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {columns} FROM manifests
         WHERE repository = $1 AND subject = $2 AND digest > $3
           AND ($4 = '' OR artifact_type = $4)
         ORDER BY digest LIMIT $5"
    )))
    .bind(asked.project.to_string())
    .bind(asked.subject.to_string())
    .bind(asked.after.to_owned())
    .bind(asked.artifact_type.unwrap_or_default().to_owned())
}

pub(crate) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    project: &ProjectName,
    manifest: &IndexedManifest,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = &manifest.row;
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO manifests (repository, {COLUMNS}, annotations, listed_bytes, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (repository, digest) DO UPDATE SET seen_at = excluded.seen_at"
    )))
    .bind(project.as_str())
    .bind(row.digest.to_string())
    .bind(&row.media_type)
    .bind(i64::try_from(row.size).unwrap_or(i64::MAX))
    .bind(row.artifact_type.as_deref())
    .bind(row.subject.as_ref().map(ToString::to_string))
    .bind(&manifest.annotations)
    .bind(i64::try_from(manifest.listed_bytes()).unwrap_or(i64::MAX))
    .bind(now.as_seconds())
    .execute(&mut **transaction)
    .await?;
    parts::insert(transaction, project, &row.digest, &manifest.parts).await
}

/// Reads a row, which all who ask for it share.
fn shared(row: Option<&AnyRow>) -> Result<Option<Arc<ManifestRow>>, DatabaseError> {
    row.map(|row| read(row).map(Arc::new)).transpose()
}

fn read(row: &AnyRow) -> Result<ManifestRow, DatabaseError> {
    Ok(ManifestRow {
        digest: super::parse(row, "digest")?,
        media_type: row.try_get("media_type")?,
        size: size(row, "size")?,
        artifact_type: row.try_get("artifact_type")?,
        subject: super::parse_optional(row, "subject")?,
    })
}

fn size(row: &AnyRow, column: &str) -> Result<u64, DatabaseError> {
    Ok(row.try_get::<i64, _>(column)?.try_into().unwrap_or(0))
}
