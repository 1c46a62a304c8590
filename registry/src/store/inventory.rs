//! `Inventory`: what all repositories have, as it is to be taken to another place.
//!
//! A server writes content, then its record, then what points to the record. The inventory is read the
//! other way round, so that whatever it names is there when it is looked for:
//!
//! ```text
//! tags ─▶ manifests ─▶ blobs ─▶ which of the manifests are still there
//! ```
//!
//! A manifest that was there all the time kept its blobs from being deleted.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bulla_files::FileError;
use bulla_schemas::ProjectName;

use super::keys::{self, RecordKey};
use super::repositories::{self, Record};
use crate::objects::Objects;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

/// The records of all repositories by their keys, and which content they are about.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) tags: BTreeMap<String, Vec<u8>>,
    /// Of manifests, and of releases that were removed.
    pub(super) manifests: BTreeMap<String, Vec<u8>>,
    /// Those of blobs say nothing but that they are there.
    pub(super) blobs: BTreeSet<String>,
    pub(super) content: BTreeSet<OciDigest>,
}

impl Inventory {
    /// Reads what is recorded, beside a server that changes it.
    pub(super) fn read(objects: &Objects) -> Result<Self, FileError> {
        let mut tags = BTreeMap::new();
        each(objects, &mut |key, record| {
            if let RecordKey::Tag(_) = record
                && let Some(text) = objects.read(key, repositories::MAX_LEN)?
            {
                tags.insert(key.to_owned(), text);
            }
            Ok(())
        })?;
        let mut inventory = Self::default();
        each(objects, &mut |key, record| {
            if let RecordKey::Manifest(_) | RecordKey::Removed(_) = record
                && let Some(text) = objects.read(key, repositories::MAX_LEN)?
                && repositories::parse(record, &text).is_some()
            {
                inventory.manifests.insert(key.to_owned(), text);
            }
            Ok(())
        })?;
        each(objects, &mut |key, record| {
            if let RecordKey::Blob(digest) = record
                && !repositories::is_blob_going(objects, key)?
            {
                inventory.blobs.insert(key.to_owned());
                inventory.content.insert(digest);
            }
            Ok(())
        })?;
        let mut gone = Vec::new();
        for key in inventory.manifests.keys() {
            if objects.size(key)?.is_none() {
                gone.push(key.clone());
            }
        }
        for key in gone {
            inventory.manifests.remove(&key);
        }
        for key in inventory.manifests.keys() {
            if let Some((_, RecordKey::Manifest(digest))) = keys::parse(key) {
                inventory.content.insert(digest);
            }
        }
        inventory.keep_tags(tags);
        Ok(inventory)
    }

    /// Takes tags in that name what is recorded.
    fn keep_tags(&mut self, mut tags: BTreeMap<String, Vec<u8>>) {
        tags.retain(|key, text| {
            let Some((project, record)) = keys::parse(key) else {
                return false;
            };
            let Some(Record::Tag(_, digest)) = repositories::parse(record, text) else {
                return false;
            };
            let manifest = keys::record(&project, &RecordKey::Manifest(digest));
            self.manifests.contains_key(&manifest)
        });
        self.tags = tags;
    }

    /// Tells whether a record is in it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.tags.contains_key(key) || self.manifests.contains_key(key) || self.blobs.contains(key)
    }
}

/// Keys of records.
#[derive(Debug, Default)]
pub(crate) struct RecordKeys(HashSet<String>);

impl RecordKeys {
    /// Adds the record of a blob.
    pub(crate) fn add_blob(&mut self, project: &ProjectName, digest: OciDigest) {
        self.add(project, &RecordKey::Blob(digest));
    }

    /// Adds the record of a manifest.
    pub(crate) fn add_manifest(&mut self, project: &ProjectName, digest: OciDigest) {
        self.add(project, &RecordKey::Manifest(digest));
    }

    /// Adds the record of a tag.
    pub(crate) fn add_tag(&mut self, project: &ProjectName, tag: Tag) {
        self.add(project, &RecordKey::Tag(tag));
    }

    fn add(&mut self, project: &ProjectName, key: &RecordKey) {
        self.0.insert(keys::record(project, key));
    }

    /// Tells whether a key is among them.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.0.contains(key)
    }
}

/// Calls `visit` with the key of every record.
pub(super) fn each(
    objects: &Objects,
    visit: &mut dyn FnMut(&str, RecordKey) -> Result<(), FileError>,
) -> Result<(), FileError> {
    objects.list(keys::REPOSITORIES, &mut |key| match keys::parse(key) {
        Some((_, record)) => visit(key, record),
        None => Ok(()),
    })
}
