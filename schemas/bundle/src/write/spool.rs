//! `Spool`: the payload's temporary file. It has no name, so nothing is left behind when the
//! program dies.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_schemas::Digest;
use bulla_schemas::release::Content;
use sha2::{Digest as _, Sha256};

use super::error::WriteError;

/// A file that is written once, from front to back, and then read any number of times.
#[derive(Debug)]
pub(crate) struct Spool {
    file: Arc<File>,
    directory: PathBuf,
    digest: Sha256,
    size: u64,
}

impl Spool {
    pub(super) fn new(directory: &Path) -> Result<Self, WriteError> {
        let file = tempfile::tempfile_in(directory).map_err(|source| WriteError::Spool {
            operation: "create",
            directory: directory.to_owned(),
            source,
        })?;
        Ok(Self {
            file: Arc::new(file),
            directory: directory.to_owned(),
            digest: Sha256::new(),
            size: 0,
        })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        (&*self.file)
            .write_all(bytes)
            .map_err(|source| WriteError::Spool {
                operation: "write to",
                directory: self.directory.clone(),
                source,
            })?;
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Returns digest and size of all that was written.
    pub(super) fn content(&self) -> Content {
        Content {
            digest: Digest::from(self.digest.clone().finalize()),
            size: self.size,
        }
    }

    /// Returns a reader with a position of its own.
    pub(crate) fn reader(&self) -> SpoolReader {
        SpoolReader {
            file: Arc::clone(&self.file),
            position: 0,
        }
    }
}

/// Reads a [`Spool`] from its beginning.
#[derive(Debug)]
pub(crate) struct SpoolReader {
    file: Arc<File>,
    position: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = crate::read_at::read_at(&self.file, buffer, self.position)?;
        self.position += len as u64;
        Ok(len)
    }
}
