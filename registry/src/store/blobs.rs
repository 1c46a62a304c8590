//! Content by its digest. It appears under its key complete and synced, and never changes.
//!
//! Which repository may show a blob is not decided here: see `repositories`.

use std::path::Path;

use bulla_files::FileError;

use super::keys;
use super::space::{Disk, Purpose};
use crate::objects::{Object, Objects};
use crate::oci::digest::OciDigest;

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
    /// caller has checked. Damaged content under this digest is replaced.
    pub(crate) fn put(&self, digest: &OciDigest, content: &[u8]) -> Result<(), FileError> {
        let key = keys::content(digest);
        let stored = self.objects.read(&key, content.len() as u64)?;
        if stored.is_some_and(|stored| stored == content) {
            return Ok(());
        }
        self.disk.require(content.len() as u64, Purpose::Manifest)?;
        self.objects.replace(&key, content)
    }

    /// Hashes a blob and tells whether it is what its digest says. What is not is moved away for
    /// the operator to look at, so that clients, which ask before they push, push it again.
    pub(crate) fn check(&self, digest: &OciDigest) -> Result<bool, FileError> {
        let Some(mut object) = self.open(digest)? else {
            return Ok(false);
        };
        let found = OciDigest::read(digest.algorithm(), &mut object);
        match found {
            Ok(found) if found == *digest => return Ok(true),
            Ok(found) => tracing::error!(%digest, %found, "stored content is damaged"),
            Err(error) => tracing::error!(%digest, %error, "stored content cannot be read"),
        }
        let key = keys::content(digest);
        self.objects.rename(&key, &keys::damaged(digest))?;
        Ok(false)
    }

    /// Takes over a synced file whose digest the caller has checked, in place of what is stored.
    pub(crate) fn adopt(&self, file: &Path, digest: &OciDigest) -> Result<(), FileError> {
        self.objects.adopt(&keys::content(digest), file)
    }
}
