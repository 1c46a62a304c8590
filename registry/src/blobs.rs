//! Content by its digest: `blobs/<algorithm>/<first two digits>/<hex>`. A file appears under its
//! name complete and synced, and never changes.
//!
//! Which repository may show a blob is not decided here: see `repositories`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::durable::{self, Attempt as _, FileError};
use crate::oci_digest::OciDigest;

/// The content of all repositories.
#[derive(Debug, Clone)]
pub(crate) struct BlobStore {
    root: PathBuf,
}

impl BlobStore {
    /// Takes the `blobs` folder.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns where a blob lies or would lie.
    pub(crate) fn path(&self, digest: &OciDigest) -> PathBuf {
        self.root
            .join(digest.algorithm().as_str())
            .join(&digest.hex()[..2])
            .join(digest.hex())
    }

    /// Returns a blob's size in bytes.
    pub(crate) fn size(&self, digest: &OciDigest) -> Result<Option<u64>, FileError> {
        let path = self.path(digest);
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).attempt("read", &path),
        }
    }

    /// Opens a blob and returns it with its size in bytes.
    pub(crate) fn open(&self, digest: &OciDigest) -> Result<Option<(File, u64)>, FileError> {
        let path = self.path(digest);
        match File::open(&path) {
            Ok(file) => {
                let size = file.metadata().attempt("read", &path)?.len();
                Ok(Some((file, size)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).attempt("open", &path),
        }
    }

    /// Reads a blob of at most `limit` bytes; a larger one counts as absent.
    pub(crate) fn read(
        &self,
        digest: &OciDigest,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, FileError> {
        let Some((file, size)) = self.open(digest)?.filter(|(_, size)| *size <= limit) else {
            return Ok(None);
        };
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(size)
            .read_to_end(&mut content)
            .attempt("read", &self.path(digest))?;
        Ok(Some(content))
    }

    /// Stores bytes whose digest the caller has checked.
    pub(crate) fn put(&self, digest: &OciDigest, content: &[u8]) -> Result<(), FileError> {
        durable::write_once(&self.path(digest), content)
    }

    /// Takes over a synced file whose digest the caller has checked.
    pub(crate) fn adopt(&self, file: &Path, digest: &OciDigest) -> Result<(), FileError> {
        let path = self.path(digest);
        if path.exists() {
            return std::fs::remove_file(file).attempt("remove", file);
        }
        durable::rename(file, &path)
    }
}
