//! The index against the records that it is made from.

use std::collections::BTreeMap;

use bulla_files::FileError;
use bulla_schemas::ProjectName;

use crate::blocking::blocking;
use crate::database::{Database, IndexedManifest};
use crate::error::RegistryError;
use crate::keep::documents;
use crate::keep::parts::Parts;
use crate::keep::records::Records;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;
use crate::store::blobs::BlobStore;
use crate::store::repositories::{ManifestRecord, RecordKind};

/// A row that is missing, or one too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrongRow {
    pub(super) project: ProjectName,
    pub(super) row: Row,
    /// Whether the record is there and the row is not.
    pub(super) is_missing: bool,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    Blob(OciDigest),
    Manifest(OciDigest, Option<ManifestRecord>),
    Tag(Tag, OciDigest),
}

impl WrongRow {
    pub(super) fn digest(&self) -> &OciDigest {
        match &self.row {
            Row::Blob(digest) | Row::Manifest(digest, _) | Row::Tag(_, digest) => digest,
        }
    }

    /// Tells whether it is a blob that is recorded and has no row.
    pub(super) fn is_missing_blob(&self) -> bool {
        self.is_missing && matches!(self.row, Row::Blob(_))
    }

    pub(super) fn sentence(&self) -> String {
        let what = match &self.row {
            Row::Blob(digest) => format!("blob {digest}"),
            Row::Manifest(digest, _) => format!("manifest {digest}"),
            Row::Tag(tag, digest) => format!("tag `{tag}` for {digest}"),
        };
        if self.is_missing {
            format!("{what} is not in the index")
        } else {
            format!("{what} is in the index, and has no record")
        }
    }
}

/// Reads a manifest as it is indexed; nothing where it is not stored, or not as it was written.
pub(super) async fn indexed(
    blobs: &BlobStore,
    digest: &OciDigest,
    record: &ManifestRecord,
) -> Result<Option<IndexedManifest>, FileError> {
    let (blobs, digest, record) = (blobs.clone(), digest.clone(), record.clone());
    blocking(move || documents::indexed(&blobs, &digest, &record)).await
}

/// Compares the index with the records of these projects, and with nothing where a project has none.
pub(super) async fn compare(
    database: &Database,
    projects: &BTreeMap<ProjectName, Records>,
    is_wanted: impl Fn(&ProjectName) -> bool,
) -> Result<Vec<WrongRow>, RegistryError> {
    let mut wrong = Vec::new();
    let nothing = Records::default();
    let mut names = database.indexed_repositories().await?;
    names.extend(projects.keys().cloned());
    names.sort_unstable();
    names.dedup();
    for project in names.into_iter().filter(is_wanted) {
        let records = projects.get(&project).unwrap_or(&nothing);
        let rows = database.indexed(&project).await?;
        let mut add = |row, is_missing| {
            wrong.push(WrongRow {
                project: project.clone(),
                row,
                is_missing,
            });
        };
        for digest in records.blobs.difference(&rows.blobs) {
            add(Row::Blob(digest.clone()), true);
        }
        for digest in rows.blobs.difference(&records.blobs) {
            add(Row::Blob(digest.clone()), false);
        }
        for (digest, record) in &records.manifests {
            // One whose removal is recorded is going.
            if !rows.manifests.contains(digest) && !records.removed.contains(digest) {
                add(Row::Manifest(digest.clone(), Some(record.clone())), true);
            }
        }
        for digest in &rows.manifests {
            if !records.manifests.contains_key(digest) {
                add(Row::Manifest(digest.clone(), None), false);
            }
        }
        for (tag, digest) in &records.tags {
            if rows.tags.get(tag) != Some(digest) {
                add(Row::Tag(tag.clone(), digest.clone()), true);
            }
        }
        for (tag, digest) in &rows.tags {
            if !records.tags.contains_key(tag) {
                add(Row::Tag(tag.clone(), digest.clone()), false);
            }
        }
    }
    Ok(wrong)
}

/// Makes a row of its record, or a record again for a row whose content is there. Tells whether that
/// was possible. Nothing is pushed or deleted meanwhile, and what was pushed or deleted before, after
/// the two were compared, is left as it is.
pub(super) async fn repair(parts: &Parts, wrong: &WrongRow) -> Result<bool, RegistryError> {
    let content = parts.content.clone();
    let _alone = blocking(move || content.alone("bulla-registry")).await?;
    if !is_still_wrong(parts, wrong).await? {
        return Ok(true);
    }
    let (project, database) = (&wrong.project, &parts.database);
    match &wrong.row {
        Row::Blob(digest) => {
            let (blobs, repositories) = (parts.blobs.clone(), parts.repositories.clone());
            let (name, blob) = (project.clone(), digest.clone());
            let is_there = blocking(move || {
                let is_there = blobs.size(&blob)?.is_some();
                if is_there {
                    repositories.record_blob(&name, &blob)?;
                }
                Ok::<_, RegistryError>(is_there)
            })
            .await?;
            if is_there {
                database
                    .add_blob(project, digest, parts.clock.now())
                    .await?;
            }
            Ok(is_there)
        }
        Row::Manifest(digest, Some(record)) => {
            let Some(manifest) = indexed(&parts.blobs, digest, record).await? else {
                return Ok(false);
            };
            let now = parts.clock.now();
            database.add_manifest(project, &manifest, now).await?;
            Ok(true)
        }
        Row::Manifest(digest, None) => {
            let Some(row) = database.manifest(project, digest).await? else {
                return Ok(true);
            };
            let (blobs, repositories) = (parts.blobs.clone(), parts.repositories.clone());
            let (name, manifest) = (project.clone(), digest.clone());
            let record = ManifestRecord {
                media_type: row.media_type.clone(),
            };
            blocking(move || {
                let document = documents::read(&blobs, &manifest, &record)?;
                if document.is_some() {
                    repositories.record_manifest(&name, &manifest, &record)?;
                }
                Ok(document.is_some())
            })
            .await
        }
        Row::Tag(tag, digest) if wrong.is_missing => {
            database.set_tag(project, tag, digest).await?;
            Ok(true)
        }
        Row::Tag(tag, digest) => {
            let (repositories, name) = (parts.repositories.clone(), project.clone());
            let (tag, digest) = (tag.clone(), digest.clone());
            blocking(move || repositories.record_tag(&name, &tag, &digest)).await?;
            Ok(true)
        }
    }
}

/// Tells whether record and row still differ.
async fn is_still_wrong(parts: &Parts, wrong: &WrongRow) -> Result<bool, RegistryError> {
    let (project, database) = (&wrong.project, &parts.database);
    let (repositories, name) = (parts.repositories.clone(), project.clone());
    let has_record = async |kind, digest: &OciDigest| {
        let digest = digest.clone();
        blocking(move || repositories.has(&name, kind, &digest)).await
    };
    Ok(match &wrong.row {
        Row::Blob(digest) => {
            let has_row = database.has_blob(project, digest).await?;
            has_record(RecordKind::Blob, digest).await? != has_row
        }
        Row::Manifest(digest, _) => {
            let has_row = database.manifest(project, digest).await?.is_some();
            has_record(RecordKind::Manifest, digest).await? != has_row
        }
        Row::Tag(tag, digest) => {
            let (repositories, name) = (parts.repositories.clone(), project.clone());
            let recorded = {
                let tag = tag.clone();
                blocking(move || repositories.tagged(&name, &tag)).await?
            };
            let row = database.tag(project, tag).await?;
            let known = if wrong.is_missing { &recorded } else { &row };
            known.as_ref() == Some(digest) && recorded != row
        }
    })
}
