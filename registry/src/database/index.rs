//! The index as a whole: all tables but those of tokens and hosts.

use std::collections::{BTreeMap, BTreeSet};

use bulla_schemas::{ProjectName, Timestamp, media_type};
use sqlx::Row as _;

use super::{Database, DatabaseError, IndexedManifest, blobs, manifests, parse, tags};
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

/// Which rows the index has of one repository.
#[derive(Debug, Default)]
pub(crate) struct IndexedNames {
    pub(crate) blobs: BTreeSet<OciDigest>,
    pub(crate) manifests: BTreeSet<OciDigest>,
    pub(crate) tags: BTreeMap<Tag, OciDigest>,
}

/// One row of the index, of a repository that is named with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IndexedRecord {
    /// A blob.
    Blob(OciDigest),
    /// A manifest.
    Manifest(IndexedManifest),
    /// A tag and the manifest that it names.
    Tag(Tag, OciDigest),
}

impl Database {
    /// Replaces the index, all of it or nothing.
    pub(crate) async fn replace_index(
        &self,
        records: &[(ProjectName, IndexedRecord)],
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.write().await?;
        for table in [
            "DELETE FROM blobs",
            "DELETE FROM manifests",
            "DELETE FROM parts",
            "DELETE FROM tags",
        ] {
            sqlx::query(table).execute(&mut *transaction).await?;
        }
        for (project, record) in records {
            match record {
                IndexedRecord::Blob(blob) => {
                    blobs::insert(&mut transaction, project, blob, now).await?;
                }
                IndexedRecord::Manifest(manifest) => {
                    manifests::insert(&mut transaction, project, manifest, now).await?;
                }
                IndexedRecord::Tag(tag, manifest) => {
                    tags::insert(&mut transaction, project, tag, manifest).await?;
                }
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Returns every repository that has rows, by name.
    pub(crate) async fn indexed_repositories(&self) -> Result<Vec<ProjectName>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT repository FROM blobs UNION SELECT repository FROM manifests
             UNION SELECT repository FROM tags ORDER BY repository",
        );
        let rows = rows.fetch_all(&self.lists).await?;
        rows.iter().map(|row| parse(row, "repository")).collect()
    }

    /// Returns which rows there are of a repository.
    pub(crate) async fn indexed(
        &self,
        project: &ProjectName,
    ) -> Result<IndexedNames, DatabaseError> {
        let mut names = IndexedNames::default();
        let query = sqlx::query("SELECT digest FROM blobs WHERE repository = $1");
        for row in query.bind(project.as_str()).fetch_all(&self.lists).await? {
            names.blobs.insert(parse(&row, "digest")?);
        }
        let query = sqlx::query("SELECT digest FROM manifests WHERE repository = $1");
        for row in query.bind(project.as_str()).fetch_all(&self.lists).await? {
            names.manifests.insert(parse(&row, "digest")?);
        }
        let query = sqlx::query("SELECT tag, digest FROM tags WHERE repository = $1");
        for row in query.bind(project.as_str()).fetch_all(&self.lists).await? {
            let tag: &str = row.try_get("tag")?;
            let tag = tag.parse().map_err(|error| super::damaged("tag", error))?;
            names.tags.insert(tag, parse(&row, "digest")?);
        }
        Ok(names)
    }

    /// Reads all of the database, and returns what is wrong with it, in sentences.
    pub(crate) async fn check(&self) -> Result<Vec<String>, DatabaseError> {
        let rows = sqlx::query("PRAGMA integrity_check(10)");
        let mut wrong = Vec::new();
        for row in rows.fetch_all(&self.lists).await? {
            let said: String = row.try_get(0)?;
            if said != "ok" {
                wrong.push(said);
            }
        }
        self.tokens().await?;
        let mut after = String::new();
        loop {
            let hosts = self.hosts(&after, 100).await?;
            let Some(last) = hosts.last() else {
                return Ok(wrong);
            };
            after = last.host.to_string();
            for host in &hosts {
                self.host_projects(&host.host).await?;
            }
        }
    }

    /// Tells whether anything is indexed.
    pub(crate) async fn has_index(&self) -> Result<bool, DatabaseError> {
        let row = sqlx::query("SELECT 1 FROM blobs UNION ALL SELECT 1 FROM manifests LIMIT 1")
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.is_some())
    }

    /// Tells whether it is indexed what manifests name; earlier versions of the program did not.
    pub(crate) async fn has_parts(&self) -> Result<bool, DatabaseError> {
        let row = sqlx::query("SELECT 1 FROM parts LIMIT 1");
        Ok(row.fetch_optional(&self.reads).await?.is_some())
    }

    /// Tells whether a repository has a manifest that was made of a statement of the log.
    pub(crate) async fn has_statements(&self) -> Result<bool, DatabaseError> {
        let row = sqlx::query("SELECT 1 FROM manifests WHERE artifact_type = $1 LIMIT 1");
        let row = row.bind(media_type::SIGSTORE_BUNDLE);
        Ok(row.fetch_optional(&self.reads).await?.is_some())
    }

    /// Tells whether a repository has a manifest.
    pub(crate) async fn has_manifests(&self) -> Result<bool, DatabaseError> {
        let row = sqlx::query("SELECT 1 FROM manifests LIMIT 1");
        let row = row.fetch_optional(&self.reads).await?;
        Ok(row.is_some())
    }
}
