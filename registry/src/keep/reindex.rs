//! Rebuilds the index from the files: from the records of the repositories and the manifests.

use std::collections::HashMap;

use bulla_files::FileError;
use bulla_schemas::ProjectName;
use tokio::sync::mpsc;

use super::documents;
use super::missing::{Missing, missing};
use crate::blocking::blocking;
use crate::database::IndexedRecord;
use crate::oci::digest::OciDigest;
use crate::oci::document::is_statement;
use crate::publish::{Catalog, PublishError};
use crate::store::Recipe;
use crate::store::blobs::BlobStore;
use crate::store::repositories::{Record, RecordKind, Repositories};

/// What the index holds after it was rebuilt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Blobs, counted in each repository that has them.
    pub blobs: u64,
    /// Manifests, counted in the same way.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// What projects have and is not stored, in order.
    pub missing: Vec<Missing>,
}

/// Rebuilds the index. Tokens and what hosts reported stay as they are.
pub(crate) async fn reindex(catalog: &Catalog) -> Result<Indexed, PublishError> {
    let (repositories, blobs) = (catalog.repositories.clone(), catalog.blobs.clone());
    let records = blocking(move || read_records(&repositories, &blobs)).await?;
    let mut indexed = Indexed::default();
    for (_, record) in &records {
        match record {
            IndexedRecord::Blob(_) => indexed.blobs += 1,
            IndexedRecord::Manifest(_) => indexed.manifests += 1,
            IndexedRecord::Tag(..) => indexed.tags += 1,
        }
    }
    let now = catalog.now();
    catalog.database.replace_index(&records, now).await?;
    reindex_frames(catalog, &records).await?;
    catalog.attach_from(0).await?;
    // Once everything that the registry makes itself is there again.
    let (repositories, blobs) = (catalog.repositories.clone(), catalog.blobs.clone());
    let missing = blocking(move || missing(&repositories, &blobs)).await?;
    indexed.missing = missing.into_iter().collect();
    Ok(indexed)
}

/// Counts the manifests that the index knows and that are stored, whose records are lost: an index made
/// of what is recorded would not know them any more.
pub(crate) async fn unrecorded(catalog: &Catalog) -> Result<u64, PublishError> {
    let mut count = 0;
    for project in catalog.database.indexed_repositories().await? {
        let rows = catalog.database.indexed(&project).await?;
        let (repositories, blobs) = (catalog.repositories.clone(), catalog.blobs.clone());
        let name = project.clone();
        let looked = blocking(move || {
            let mut lost = Vec::new();
            for digest in rows.manifests {
                let is_recorded = repositories.has(&name, RecordKind::Manifest, &digest)?;
                if !is_recorded && blobs.size(&digest)?.is_some() {
                    lost.push(digest);
                }
            }
            Ok::<_, FileError>(lost)
        });
        for digest in looked.await? {
            let row = catalog.database.manifest(&project, &digest).await?;
            let kind = row.as_ref().and_then(|row| row.artifact_type.as_deref());
            // These the registry makes again of the log.
            if !is_statement(kind) {
                count += 1;
            }
        }
    }
    Ok(count)
}

/// Indexes where the frames of blobs lie, and which repository has them. Until that is done, pushes
/// store some of them again.
async fn reindex_frames(
    catalog: &Catalog,
    records: &[(ProjectName, IndexedRecord)],
) -> Result<(), PublishError> {
    catalog.database.forget_frames().await?;
    let mut projects: HashMap<&OciDigest, Vec<&ProjectName>> = HashMap::new();
    for (project, record) in records {
        if let IndexedRecord::Blob(digest) = record {
            projects.entry(digest).or_default().push(project);
        }
    }
    // One recipe is in memory at a time.
    let (recipes, mut read) = mpsc::channel::<(OciDigest, Recipe)>(1);
    let blobs = catalog.blobs.clone();
    let reading = blocking(move || {
        blobs.each_recipe(&mut |digest, recipe| {
            // Where indexing has failed, this ends, and the caller hears why.
            let _ = recipes.blocking_send((digest, recipe));
            Ok::<_, FileError>(())
        })
    });
    let indexing = async {
        while let Some((digest, recipe)) = read.recv().await {
            let now = catalog.now();
            catalog.database.add_places(recipe.frames(), now).await?;
            for project in projects.get(&digest).into_iter().flatten() {
                catalog.index_frames(project, &recipe).await?;
            }
        }
        Ok::<_, PublishError>(())
    };
    tokio::try_join!(async { Ok(reading.await?) }, indexing)?;
    Ok(())
}

/// Rebuilds an index that is empty while the repositories are not: a database that was lost. And one
/// of a version that did not index yet what manifests name.
pub(crate) async fn reindex_if_lost(catalog: &Catalog) -> Result<(), PublishError> {
    let database = &catalog.database;
    if database.has_index().await? {
        let is_old = database.has_manifests().await? && !database.has_parts().await?;
        // While a disk is away, manifests would be lost from it.
        if is_old && catalog.blobs.away(true)?.is_none() {
            tracing::info!("the index is of an earlier version and is rebuilt from the files");
            reindex(catalog).await?;
        }
        return Ok(());
    }
    let repositories = &catalog.repositories;
    if !repositories.has_any()? || catalog.blobs.away(repositories.has_manifest()?)?.is_some() {
        return Ok(());
    }
    let Indexed {
        blobs,
        manifests,
        tags,
        missing,
    } = reindex(catalog).await?;
    let missing = missing.len();
    tracing::warn!(
        blobs,
        manifests,
        tags,
        missing,
        "the index was empty and was rebuilt from the files; tokens and host reports that were in the \
         database are lost"
    );
    Ok(())
}

fn read_records(
    repositories: &Repositories,
    blobs: &BlobStore,
) -> Result<Vec<(ProjectName, IndexedRecord)>, FileError> {
    let mut records = Vec::new();
    repositories.each(&mut |project, record| {
        let record = match record {
            Record::Blob(digest) => Some(IndexedRecord::Blob(digest)),
            Record::Tag(tag, digest) => Some(IndexedRecord::Tag(tag, digest)),
            // Of one that was being removed the manifest's own record may be there still.
            Record::Removed(_) => return Ok(()),
            Record::Manifest(digest, record) => {
                documents::indexed(blobs, &digest, &record)?.map(IndexedRecord::Manifest)
            }
        };
        if let Some(record) = record {
            records.push((project.clone(), record));
        } else {
            tracing::warn!(%project, "a record names a manifest that is not here");
        }
        Ok::<_, FileError>(())
    })?;
    Ok(records)
}
