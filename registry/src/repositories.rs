//! What each repository has, as files: the truth that the database indexes.
//!
//! ```text
//! repositories/acme/billing/
//!   _blobs/sha256/<hex>          empty
//!   _manifests/sha256/<hex>      {"mediaType":"application/vnd.oci.image.manifest.v1+json"}
//!   _tags/<tag>                  {"digest":"sha256:..."}
//! ```

use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use bulla_schemas::ProjectName;
use serde::{Deserialize, Serialize};

use crate::durable::{self, Attempt as _, FileError};
use crate::oci_digest::OciDigest;
use crate::reference::Tag;

/// The records of all repositories.
#[derive(Debug, Clone)]
pub(crate) struct Repositories {
    root: PathBuf,
}

/// What a repository remembers of a manifest beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ManifestRecord {
    /// The media type it was pushed with.
    pub media_type: String,
}

#[derive(Serialize, Deserialize)]
struct TagRecord {
    digest: String,
}

/// One record, as `reindex` finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// The repository has the blob.
    Blob(OciDigest),
    /// The repository has the manifest.
    Manifest(OciDigest, ManifestRecord),
    /// The tag names the manifest.
    Tag(Tag, OciDigest),
}

impl Repositories {
    /// Takes the `repositories` folder.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Records that a repository has a blob.
    pub(crate) fn record_blob(
        &self,
        project: &ProjectName,
        blob: &OciDigest,
    ) -> Result<(), FileError> {
        durable::write_once(&self.by_digest(project, "_blobs", blob), b"")
    }

    /// Records that a repository has a manifest.
    pub(crate) fn record_manifest(
        &self,
        project: &ProjectName,
        manifest: &OciDigest,
        record: &ManifestRecord,
    ) -> Result<(), FileError> {
        durable::write_once(
            &self.by_digest(project, "_manifests", manifest),
            &json(record),
        )
    }

    /// Points a tag to a manifest.
    pub(crate) fn record_tag(
        &self,
        project: &ProjectName,
        tag: &Tag,
        manifest: &OciDigest,
    ) -> Result<(), FileError> {
        let record = TagRecord {
            digest: manifest.to_string(),
        };
        durable::write(
            &self.folder(project).join("_tags").join(tag.as_str()),
            &json(&record),
        )
    }

    /// Tells whether any repository has anything.
    pub(crate) fn has_any(&self) -> Result<bool, FileError> {
        match std::fs::read_dir(&self.root) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).attempt("read", &self.root),
        }
    }

    /// Calls `visit` with every record of every repository. What cannot be read as a record is
    /// left out: it was never answered for.
    pub(crate) fn each<E: From<FileError>>(
        &self,
        visit: &mut dyn FnMut(&ProjectName, Record) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(&self.root, &mut |path, file| {
            let Some((project, record)) = self.read_record(path, file)? else {
                return Ok(());
            };
            visit(&project, record)
        })
    }

    fn read_record(
        &self,
        path: &Path,
        file: &DirEntry,
    ) -> Result<Option<(ProjectName, Record)>, FileError> {
        let parse = |content: Option<Vec<u8>>| {
            let parts: Vec<&str> = path
                .strip_prefix(&self.root)
                .ok()?
                .to_str()?
                .split('/')
                .collect();
            let kind = parts.iter().position(|part| part.starts_with('_'))?;
            let project = parts[..kind].join("/").parse().ok()?;
            let record = match parts[kind..] {
                ["_blobs", algorithm, hex] => {
                    Record::Blob(format!("{algorithm}:{hex}").parse().ok()?)
                }
                ["_manifests", algorithm, hex] => Record::Manifest(
                    format!("{algorithm}:{hex}").parse().ok()?,
                    serde_json::from_slice(&content?).ok()?,
                ),
                ["_tags", tag] => {
                    let record: TagRecord = serde_json::from_slice(&content?).ok()?;
                    Record::Tag(tag.parse().ok()?, record.digest.parse().ok()?)
                }
                _ => return None,
            };
            Some((project, record))
        };
        Ok(parse(durable::read(&file.path())?))
    }

    fn folder(&self, project: &ProjectName) -> PathBuf {
        self.root.join(project.as_str())
    }

    fn by_digest(&self, project: &ProjectName, kind: &str, digest: &OciDigest) -> PathBuf {
        self.folder(project)
            .join(kind)
            .join(digest.algorithm().as_str())
            .join(digest.hex())
    }
}

#[expect(clippy::expect_used, reason = "serialising strings cannot fail")]
fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record is strings")
}

fn walk<E: From<FileError>>(
    directory: &Path,
    visit: &mut dyn FnMut(&Path, &DirEntry) -> Result<(), E>,
) -> Result<(), E> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(FileError::new("read", directory, error).into()),
    };
    for entry in entries {
        let entry = entry.attempt("read", directory)?;
        let kind = entry.file_type().attempt("read", &entry.path())?;
        if kind.is_dir() {
            walk(&entry.path(), visit)?;
        } else if kind.is_file() {
            visit(&entry.path(), &entry)?;
        }
    }
    Ok(())
}
