//! The data directory. Everything that matters is a file in it; the database is an index over
//! these files that `reindex` rebuilds, and it holds the tokens, which are nowhere else.
//!
//! ```text
//! DIR/
//!   lock                              locked by the one process that serves or reindexes
//!   log-key.pem                       the log's Ed25519 key, 0600; it authorises nothing
//!   registry.db                       SQLite: index and tokens
//!   registry.db.lock                  locked while the tables are made
//!   blobs/sha256/ab/<hex>             content, blobs and manifests alike, written once
//!   repositories/<project>/
//!     _blobs/sha256/<hex>             this repository has the blob (empty file)
//!     _manifests/sha256/<hex>         this repository has the manifest; its media type
//!     _tags/<tag>                     a name for one of its manifests
//!   log/
//!     checkpoint                      the newest signed tree head
//!     tile/<level>/<n>[.p/<width>]    hashes (C2SP tlog-tiles), written once
//!     tile/entries/<n>[.p/<width>]    envelopes, written once
//!   uploads/<id>                      what is being received; swept at start
//! ```
//!
//! No part of a project's name can begin with `_`. Writes happen in the order blobs, record,
//! pointer, so a copy of the directory at any instant is a valid backup. A leftover `.new-*` is a
//! write that a crash cut short.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::durable::{Attempt as _, FileError, ensure_private_directory};

/// Where a registry keeps everything.
#[derive(Debug, Clone)]
pub struct DataDirectory {
    root: PathBuf,
}

/// The right to write into a data directory; given back when dropped or when the process dies.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

impl Drop for DataLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that is being started may hold a copy for a moment.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Another process has the lock.
    #[error("`{}` is in use by another bulla-registry", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl DataDirectory {
    /// Opens a data directory, and makes it where there is none.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        let absolute = std::path::absolute(root).attempt("resolve", root)?;
        ensure_private_directory(&absolute)?;
        Ok(Self { root: absolute })
    }

    /// Takes the lock, or says that another process has it.
    pub fn lock(&self) -> Result<DataLock, DataError> {
        let file = open_lock(&self.root.join("lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(DataLock { file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DataError::Locked {
                path: self.root.clone(),
            }),
            Err(error) => Err(FileError::new("lock", &self.root, error.into()).into()),
        }
    }

    /// Waits for the lock under which the database's tables are made.
    pub(crate) fn lock_database(&self) -> Result<DataLock, DataError> {
        let path = self.root.join("registry.db.lock");
        let file = open_lock(&path)?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(std::io::Error::from)
            .attempt("lock", &path)?;
        Ok(DataLock { file })
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("registry.db")
    }

    pub(crate) fn log_key(&self) -> PathBuf {
        self.root.join("log-key.pem")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }
}

fn open_lock(path: &Path) -> Result<File, FileError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .attempt("open", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_second_process() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let lock = data.lock().unwrap();
        assert!(matches!(data.lock(), Err(DataError::Locked { .. })));
        drop(lock);
        data.lock().unwrap();
    }
}
