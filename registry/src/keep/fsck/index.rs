//! The index against the records that it is made from.

use std::collections::BTreeMap;

use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Manifest;

use super::content::read_manifest;
use super::parts::Parts;
use crate::blocking::blocking;
use crate::database::{Database, IndexedManifest};
use crate::error::RegistryError;
use crate::keep::records::Records;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;
use crate::store::repositories::ManifestRecord;

/// A row that is missing, or one too many.
#[derive(Debug, Clone)]
pub(super) struct WrongRow {
    pub(super) project: ProjectName,
    pub(super) row: Row,
    /// Whether the record is there and the row is not.
    pub(super) is_missing: bool,
}

/// What a row is about.
#[derive(Debug, Clone)]
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
            if !rows.manifests.contains(digest) {
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
/// was possible.
pub(super) async fn repair(parts: &Parts, wrong: &WrongRow) -> Result<bool, RegistryError> {
    let (project, database) = (&wrong.project, &parts.database);
    match &wrong.row {
        Row::Blob(digest) => {
            let content = parts.content.clone();
            let (blobs, repositories) = (parts.blobs.clone(), parts.repositories.clone());
            let (name, blob) = (project.clone(), digest.clone());
            let is_there = blocking(move || {
                let _lock = content.share()?;
                let is_there = blobs.size(&blob)?.is_some();
                if is_there {
                    repositories.record_blob(&name, &blob)?;
                }
                Ok::<_, RegistryError>(is_there)
            })
            .await?;
            if is_there {
                database.add_blob(project, digest).await?;
            }
            Ok(is_there)
        }
        Row::Manifest(digest, Some(record)) => {
            let (blobs, name, known) = (parts.blobs.clone(), digest.clone(), record.clone());
            let read = blocking(move || {
                let size = blobs.size(&name)?;
                let document = read_manifest(&blobs, &name, &known)?;
                Ok::<_, RegistryError>(size.zip(document))
            });
            let Some((size, document)) = read.await? else {
                return Ok(false);
            };
            let size = usize::try_from(size.min(Manifest::MAX_LEN)).unwrap_or(usize::MAX);
            let Ok(manifest) = IndexedManifest::new(digest.clone(), size, &document) else {
                return Ok(false);
            };
            database.add_manifest(project, &manifest).await?;
            Ok(true)
        }
        Row::Manifest(digest, None) => {
            let Some(row) = database.manifest(project, digest).await? else {
                return Ok(true);
            };
            let (blobs, repositories) = (parts.blobs.clone(), parts.repositories.clone());
            let content = parts.content.clone();
            let (name, manifest) = (project.clone(), digest.clone());
            let record = ManifestRecord {
                media_type: row.media_type,
            };
            blocking(move || {
                let _lock = content.share()?;
                let document = read_manifest(&blobs, &manifest, &record)?;
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
