//! The index as a whole: all tables but those of tokens and hosts.

use bulla_schemas::ProjectName;

use super::{Database, DatabaseError, IndexedManifest, blobs, manifests, tags};
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

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
                    blobs::insert(&mut transaction, project, blob).await?;
                }
                IndexedRecord::Manifest(manifest) => {
                    manifests::insert(&mut transaction, project, manifest).await?;
                }
                IndexedRecord::Tag(tag, manifest) => {
                    tags::insert(&mut transaction, project, tag, manifest).await?;
                }
            }
        }
        transaction.commit().await?;
        Ok(())
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

    /// Tells whether a repository has a manifest.
    pub(crate) async fn has_manifests(&self) -> Result<bool, DatabaseError> {
        let row = sqlx::query("SELECT 1 FROM manifests LIMIT 1");
        let row = row.fetch_optional(&self.reads).await?;
        Ok(row.is_some())
    }
}
