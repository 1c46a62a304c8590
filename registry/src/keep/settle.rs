//! An index that was copied at another moment than the records: it is made what the records say.

use std::collections::BTreeMap;

use bulla_schemas::{ProjectName, Timestamp};

use super::records::Records;
use super::rows::{self, Row};
use crate::database::Database;
use crate::error::RegistryError;
use crate::store::blobs::BlobStore;

/// Adds the rows that are missing, and forgets those that are too many.
pub(super) async fn settle(
    database: &Database,
    blobs: &BlobStore,
    records: &BTreeMap<ProjectName, Records>,
    now: Timestamp,
) -> Result<(), RegistryError> {
    for wrong in rows::compare(database, records, |_| true).await? {
        let project = &wrong.project;
        match (&wrong.row, wrong.is_missing) {
            (Row::Blob(digest), true) => database.add_blob(project, digest, now).await?,
            (Row::Blob(digest), false) => drop(database.remove_blob(project, digest).await?),
            (Row::Manifest(digest, Some(record)), _) => {
                let manifest = rows::indexed(blobs, digest, record).await?;
                if let Some(manifest) = manifest {
                    database.add_manifest(project, &manifest, now).await?;
                }
            }
            (Row::Manifest(digest, None), _) => {
                drop(database.remove_manifest(project, digest).await?);
            }
            (Row::Tag(tag, digest), true) => database.set_tag(project, tag, digest).await?,
            (Row::Tag(tag, _), false) => drop(database.remove_tag(project, tag).await?),
        }
    }
    Ok(())
}
