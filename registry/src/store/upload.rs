//! One blob that is being received, hashed while it comes.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bulla_files::{Attempt as _, FileError};
use bytes::Bytes;
use sha2::{Digest as _, Sha256, Sha512};
use tempfile::TempPath;

use super::blobs::BlobStore;
use super::error::StoreError;
use crate::oci::digest::{Algorithm, OciDigest};

/// One upload, held by one request at a time.
#[derive(Debug)]
pub(crate) struct Upload {
    file: File,
    /// Removes the file when the upload ends without becoming a blob.
    path: TempPath,
    received: u64,
    sha256: Sha256,
}

impl Upload {
    /// Begins with an empty file.
    pub(super) fn create(path: &Path) -> Result<Self, FileError> {
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(path)
            .attempt("create", path)?;
        Ok(Self {
            file,
            path: TempPath::try_from_path(path).attempt("find", path)?,
            received: 0,
            sha256: Sha256::new(),
        })
    }
    /// Returns how many bytes were received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, chunks: &[Bytes]) -> Result<(), FileError> {
        for chunk in chunks {
            let written = self.file.write_all(chunk);
            if let Err(error) = written {
                // What was half written must not count: the next chunk goes to the same place.
                let rewound = self
                    .file
                    .set_len(self.received)
                    .and_then(|()| self.file.seek(SeekFrom::Start(self.received)).map(|_| ()));
                return Err(rewound.err().unwrap_or(error)).attempt("write", &self.path);
            }
            self.sha256.update(chunk);
            self.received += chunk.len() as u64;
        }
        Ok(())
    }

    /// Makes the upload a blob when it has the digest that the client named. A second call finds
    /// the file gone, so the caller ends the upload after the first that succeeds.
    pub(crate) fn finish(
        &mut self,
        expected: &OciDigest,
        blobs: &BlobStore,
    ) -> Result<(), StoreError> {
        let found = match expected.algorithm() {
            Algorithm::Sha256 => OciDigest::from_sha256(self.sha256.clone().finalize()),
            Algorithm::Sha512 => self.sha512()?,
        };
        if found != *expected {
            return Err(StoreError::Digest {
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
        self.file.sync_all().attempt("sync", &self.path)?;
        blobs.adopt(&self.path, expected)?;
        Ok(())
    }

    /// Few clients use it and none says so before the end, so the file is read again.
    fn sha512(&mut self) -> Result<OciDigest, FileError> {
        let mut hasher = Sha512::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut hash = || {
            self.file.seek(SeekFrom::Start(0))?;
            loop {
                match self.file.read(&mut buffer)? {
                    0 => return Ok(()),
                    length => hasher.update(&buffer[..length]),
                }
            }
        };
        hash().attempt("read", &self.path)?;
        Ok(OciDigest::from_sha512(hasher.finalize()))
    }
}
