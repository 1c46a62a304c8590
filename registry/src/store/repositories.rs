//! What each repository has, as records: the truth that the database indexes.

use bulla_files::FileError;
use bulla_schemas::{ProjectName, Timestamp};
use serde::{Deserialize, Serialize};

use super::keys::{self, RecordKey};
use crate::objects::Objects;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

/// What the record of a manifest, tag or blob says that is being deleted: nothing that is read as a record. A
/// crash leaves it, or that and the row.
const GOING: &[u8] = br#"{"deleted":true}"#;

/// Most bytes in a record.
pub(super) const MAX_LEN: u64 = 64 * 1024;

/// The records of all repositories.
#[derive(Debug, Clone)]
pub(crate) struct Repositories {
    objects: Objects,
}

/// What a repository remembers of a manifest besides its bytes.
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
    /// The manifest was removed.
    Removed(OciDigest),
}

/// When and why a release was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Removal {
    /// When.
    pub(crate) at: Timestamp,
    /// Why, in words.
    pub(crate) reason: String,
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// A blob.
    Blob,
    /// A manifest.
    Manifest,
}

impl RecordKind {
    fn key(self, digest: &OciDigest) -> RecordKey {
        match self {
            Self::Blob => RecordKey::Blob(digest.clone()),
            Self::Manifest => RecordKey::Manifest(digest.clone()),
        }
    }
}

impl Repositories {
    /// Keeps records among `objects`.
    pub(crate) fn new(objects: Objects) -> Self {
        Self { objects }
    }

    /// Records that a repository has a blob.
    pub(crate) fn record_blob(
        &self,
        project: &ProjectName,
        blob: &OciDigest,
    ) -> Result<(), FileError> {
        let key = keys::record(project, &RecordKey::Blob(blob.clone()));
        // One whose deletion a crash has cut short may lie there.
        match self.objects.size(&key)? {
            Some(0) => Ok(()),
            _ => self.objects.replace(&key, b""),
        }
    }

    /// Records that a repository has a manifest.
    pub(crate) fn record_manifest(
        &self,
        project: &ProjectName,
        manifest: &OciDigest,
        record: &ManifestRecord,
    ) -> Result<(), FileError> {
        let key = keys::record(project, &RecordKey::Manifest(manifest.clone()));
        // One whose deletion a crash has cut short may lie there.
        self.objects.replace(&key, &json(record))
    }

    /// Points a tag to a manifest.
    pub(crate) fn record_tag(
        &self,
        project: &ProjectName,
        tag: &Tag,
        manifest: &OciDigest,
    ) -> Result<(), FileError> {
        let key = keys::record(project, &RecordKey::Tag(tag.clone()));
        let record = TagRecord {
            digest: manifest.to_string(),
        };
        self.objects.replace(&key, &json(&record))
    }

    /// Removes the record that a repository has a blob, and tells whether there was one.
    pub(crate) fn remove_blob(
        &self,
        project: &ProjectName,
        blob: &OciDigest,
    ) -> Result<bool, FileError> {
        let key = keys::record(project, &RecordKey::Blob(blob.clone()));
        self.objects.remove(&key)
    }

    /// Removes the record that a repository has a manifest, and tells whether there was one.
    pub(crate) fn remove_manifest(
        &self,
        project: &ProjectName,
        manifest: &OciDigest,
    ) -> Result<bool, FileError> {
        let key = keys::record(project, &RecordKey::Manifest(manifest.clone()));
        self.objects.remove(&key)
    }

    /// Has the records of a manifest or blob and of tags say that they are going, where there are any,
    /// before anything else of them goes: whatever a crash leaves then, they do not come back.
    pub(crate) fn begin_deletion(
        &self,
        project: &ProjectName,
        digest: Option<(RecordKind, &OciDigest)>,
        tags: &[Tag],
    ) -> Result<(), FileError> {
        let digest = digest.map(|(kind, digest)| kind.key(digest));
        let tags = tags.iter().map(|tag| RecordKey::Tag(tag.clone()));
        for record in tags.chain(digest) {
            let key = keys::record(project, &record);
            if self.objects.size(&key)?.is_some() {
                self.objects.replace(&key, GOING)?;
            }
        }
        Ok(())
    }

    /// Removes a tag, and tells whether there was one.
    pub(crate) fn remove_tag(&self, project: &ProjectName, tag: &Tag) -> Result<bool, FileError> {
        let key = keys::record(project, &RecordKey::Tag(tag.clone()));
        self.objects.remove(&key)
    }

    /// Records when and why a release goes, before it does.
    pub(crate) fn record_removal(
        &self,
        project: &ProjectName,
        release: &OciDigest,
        removal: &Removal,
    ) -> Result<(), FileError> {
        let key = keys::record(project, &RecordKey::Removed(release.clone()));
        self.objects.replace(&key, &json(removal))
    }

    /// Returns when and why a release was removed.
    pub(crate) fn removal(
        &self,
        project: &ProjectName,
        release: &OciDigest,
    ) -> Result<Option<Removal>, FileError> {
        let key = keys::record(project, &RecordKey::Removed(release.clone()));
        let record = self.objects.read(&key, MAX_LEN)?;
        Ok(record.and_then(|record| serde_json::from_slice(&record).ok()))
    }

    /// Forgets that a release was removed.
    pub(crate) fn forget_removal(
        &self,
        project: &ProjectName,
        release: &OciDigest,
    ) -> Result<(), FileError> {
        let key = keys::record(project, &RecordKey::Removed(release.clone()));
        self.objects.remove(&key).map(drop)
    }

    /// Removes the record that a repository has something, and tells whether there was one.
    pub(crate) fn forget(
        &self,
        project: &ProjectName,
        kind: RecordKind,
        digest: &OciDigest,
    ) -> Result<bool, FileError> {
        match kind {
            RecordKind::Blob => self.remove_blob(project, digest),
            RecordKind::Manifest => self.remove_manifest(project, digest),
        }
    }

    /// Tells whether it is recorded that a repository has something.
    pub(crate) fn has(
        &self,
        project: &ProjectName,
        kind: RecordKind,
        digest: &OciDigest,
    ) -> Result<bool, FileError> {
        let key = kind.key(digest);
        let name = keys::record(project, &key);
        let record = self.objects.read(&name, MAX_LEN)?;
        Ok(record.is_some_and(|text| parse(key, &text).is_some()))
    }

    /// Returns the manifest that a tag is recorded to name.
    pub(crate) fn tagged(
        &self,
        project: &ProjectName,
        tag: &Tag,
    ) -> Result<Option<OciDigest>, FileError> {
        let key = RecordKey::Tag(tag.clone());
        Ok(match self.read(&keys::record(project, &key), key)? {
            Some(Record::Tag(_, digest)) => Some(digest),
            _ => None,
        })
    }

    /// Tells whether any repository has anything.
    pub(crate) fn has_any(&self) -> Result<bool, FileError> {
        self.objects.has_any(keys::REPOSITORIES)
    }

    /// Tells whether any repository has a manifest.
    pub(crate) fn has_manifest(&self) -> Result<bool, FileError> {
        let mut has_manifest = false;
        self.objects.list(keys::REPOSITORIES, &mut |key| {
            has_manifest |= matches!(keys::parse(key), Some((_, RecordKey::Manifest(_))));
            Ok::<_, FileError>(())
        })?;
        Ok(has_manifest)
    }

    /// Calls `visit` with every record of every repository. What cannot be read as a record is
    /// left out: it was never answered for.
    pub(crate) fn each<E: From<FileError>>(
        &self,
        visit: &mut dyn FnMut(&ProjectName, Record) -> Result<(), E>,
    ) -> Result<(), E> {
        self.objects.list(keys::REPOSITORIES, &mut |key| {
            let Some((project, record)) = keys::parse(key) else {
                return Ok(());
            };
            match self.read(key, record)? {
                Some(record) => visit(&project, record),
                None => Ok(()),
            }
        })
    }

    fn read(&self, key: &str, record: RecordKey) -> Result<Option<Record>, FileError> {
        let content = match record {
            RecordKey::Removed(_) => Vec::new(),
            RecordKey::Blob(_) if !is_blob_going(&self.objects, key)? => Vec::new(),
            RecordKey::Blob(_) | RecordKey::Manifest(_) | RecordKey::Tag(_) => {
                self.objects.read(key, MAX_LEN)?.unwrap_or_default()
            }
        };
        Ok(parse(record, &content))
    }
}

/// Tells whether a record says that what it was about is being deleted.
pub(super) fn is_going(content: &[u8]) -> bool {
    content == GOING
}

/// Tells whether the record of a blob says that. Nearly all are empty, and there are many.
pub(super) fn is_blob_going(objects: &Objects, key: &str) -> Result<bool, FileError> {
    if objects.size(key)? == Some(0) {
        return Ok(false);
    }
    let content = objects.read(key, MAX_LEN)?;
    Ok(content.is_some_and(|content| is_going(&content)))
}

/// Reads a record; those of blobs and of what was removed say nothing beyond their keys, unless the
/// blob is going.
pub(super) fn parse(record: RecordKey, content: &[u8]) -> Option<Record> {
    match record {
        RecordKey::Blob(digest) => (!is_going(content)).then_some(Record::Blob(digest)),
        RecordKey::Removed(digest) => Some(Record::Removed(digest)),
        RecordKey::Manifest(digest) => {
            let record = serde_json::from_slice(content).ok()?;
            Some(Record::Manifest(digest, record))
        }
        RecordKey::Tag(tag) => {
            let TagRecord { digest } = serde_json::from_slice(content).ok()?;
            Some(Record::Tag(tag, digest.parse().ok()?))
        }
    }
}

#[expect(clippy::expect_used, reason = "serialising strings cannot fail")]
fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record is strings")
}
