//! Content by its digest. It appears under its key complete and synced, and never changes.
//!
//! Which repository may show a blob is not decided here: see `repositories`.

use std::path::Path;

use super::keys;
use super::space::{Disk, Purpose};
use crate::objects::{Object, Objects};
use crate::oci::digest::OciDigest;
use bulla_files::FileError;

/// The content of all repositories.
#[derive(Debug, Clone)]
pub(crate) struct BlobStore {
    objects: Objects,
    disk: Disk,
}

impl BlobStore {
    /// Keeps content among `objects`.
    pub(crate) fn new(objects: Objects, disk: Disk) -> Self {
        Self { objects, disk }
    }

    /// Returns a blob's size in bytes.
    pub(crate) fn size(&self, digest: &OciDigest) -> Result<Option<u64>, FileError> {
        self.objects.size(&keys::content(digest))
    }

    /// Opens a blob.
    pub(crate) fn open(&self, digest: &OciDigest) -> Result<Option<Object>, FileError> {
        self.objects.get(&keys::content(digest))
    }

    /// Reads a blob of at most `limit` bytes; a larger one counts as absent.
    pub(crate) fn read(
        &self,
        digest: &OciDigest,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, FileError> {
        self.objects.read(&keys::content(digest), limit)
    }

    /// Stores a manifest, or the small content of one that the registry makes, whose digest the
    /// caller has checked.
    pub(crate) fn put(&self, digest: &OciDigest, content: &[u8]) -> Result<(), FileError> {
        let key = keys::content(digest);
        if self.objects.size(&key)?.is_none() {
            self.disk.require(content.len() as u64, Purpose::Manifest)?;
        }
        self.objects.put_new(&key, content)
    }

    /// Takes over a synced file whose digest the caller has checked.
    pub(crate) fn adopt(&self, file: &Path, digest: &OciDigest) -> Result<(), FileError> {
        self.objects.adopt(&keys::content(digest), file)
    }
}
