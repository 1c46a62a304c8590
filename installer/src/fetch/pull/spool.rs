//! The spool: the part of a payload that has been downloaded, as a file with holes. A download
//! that was interrupted goes on with what is in it; every frame there is checked first.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use bulla_bundle::Frame;
use bulla_schemas::Digest;

use crate::platform::files::{self, Attempt as _, FileError};

/// A file that holds compressed frames at their offsets in the payload.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    file: Arc<File>,
    /// Whether an earlier download left something.
    resumed: bool,
}

impl Spool {
    /// Opens or creates the spool of a payload of `size` bytes.
    pub(crate) fn open(path: PathBuf, size: u64) -> Result<Self, FileError> {
        if let Some(directory) = path.parent() {
            files::create_private_directory(directory)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .attempt("open", &path)?;
        let resumed = file.metadata().attempt("look at", &path)?.len() == size;
        if !resumed {
            file.set_len(0).attempt("empty", &path)?;
            file.set_len(size).attempt("set the size of", &path)?;
        }
        Ok(Self {
            path,
            file: Arc::new(file),
            resumed,
        })
    }

    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Writes bytes where they belong in the payload.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), FileError> {
        self.file
            .write_all_at(bytes, offset)
            .attempt("write", &self.path)
    }

    /// Tells which of `wanted` an earlier download has left here, whole and right.
    pub(crate) fn has(&self, frames: &[Frame], wanted: &[usize]) -> Vec<bool> {
        let mut buffer = Vec::new();
        wanted
            .iter()
            .map(|position| self.resumed && self.holds(&frames[*position], &mut buffer))
            .collect()
    }

    fn holds(&self, frame: &Frame, buffer: &mut Vec<u8>) -> bool {
        let Ok(size) = usize::try_from(frame.record.compressed_size) else {
            return false;
        };
        buffer.resize(size, 0);
        self.file
            .read_exact_at(buffer, frame.compressed_offset)
            .is_ok()
            && Digest::of(buffer) == frame.record.compressed_digest
    }
}
