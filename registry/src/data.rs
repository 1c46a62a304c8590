//! The data directory. Everything that matters is a file in it; the database is an index over
//! these files that `reindex` rebuilds, and it holds the tokens, what hosts report and what waits for
//! signatures, which are nowhere else.
//!
//! ```text
//! DIR/
//!   lock                              locked by the one process that serves or reindexes
//!   keeping.lock                      locked by the one process that removes, repairs or reindexes
//!   content.lock                      shared by those who store content, held alone by those who
//!                                     move or remove it
//!   ballast                           room that is given back when the disk is full
//!   log-key.pem                       the log's Ed25519 key, 0600; it authorises nothing
//!   log-key-next.pem                  the one that is to follow it, once a policy names it
//!   registry.db                       SQLite: index, tokens, reports of hosts, proposals
//!   registry.db.lock                  locked while the tables are made
//!   blobs/sha256/ab/<hex>             content that is stored whole, manifests too, written once
//!   packs/<id>                        the frames of a push that were new then, written once
//!   recipes/sha256/ab/<hex>           of which frames of which packs other content is
//!   damaged/                          content and recipes that were found to be other bytes
//!   repositories/<project>/
//!     _blobs/sha256/<hex>             this repository has the blob (empty, unless it is going)
//!     _manifests/sha256/<hex>         this repository has the manifest; its media type
//!     _tags/<tag>                     a name for one of its manifests
//!     _removed/sha256/<hex>           when and why `gc` removed a manifest: kept as long as the log
//!                                     names it, or for a year
//!   log/
//!     checkpoint                      the newest signed tree head
//!     state                           what the entries lead to, so that a start replays only those that
//!                                     came since; all of them without it
//!     tile/<level>/<n>[.p/<width>]    hashes (C2SP tlog-tiles), written once
//!     tile/entries/<n>[.p/<width>]    envelopes, written once
//!   uploads/<id>                      what is being received; swept at start
//!   fetching/<id>                     what `fsck` receives from another registry
//!   mirror.json                       this is a mirror, which has no key: of which registry
//!   backup.json                       this is a backup: of which directory, and from when
//!   next/registry.db                  the database that a backup is going to have
//!   indexing                          a process may be between a record and its row; one that was
//!                                     killed leaves it
//!   restoring                         something is being restored, and not all of it is here yet
//! ```
//!
//! No part of a project's name can begin with `_`. Writes happen in the order blobs, record,
//! pointer, so a snapshot of the directory at any instant is a valid backup. A leftover `.bulla-new-*`
//! is a write that a crash cut short.

pub(crate) mod backup;
mod ballast;
mod beginning;
mod content_lock;
mod database;
mod error;
mod indexing;
pub(crate) mod mirror;
mod restored;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bulla_files::{Attempt as _, FileError, Lock, TryLock, create_private_directory};
use bulla_schemas::Timestamp;

pub(crate) use ballast::Ballast;
pub(crate) use content_lock::ContentLock;
pub use error::DataError;
pub(crate) use indexing::Indexing;

/// The command that may go on with what it did not end.
pub(crate) const RESTORE: &str = "bulla-registry restore";

/// Where a registry keeps everything.
#[derive(Debug, Clone)]
pub struct DataDirectory {
    root: PathBuf,
}

impl DataDirectory {
    /// Opens a data directory, and creates it if it is missing.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        let absolute = std::path::absolute(root).attempt("resolve", root)?;
        create_private_directory(&absolute)?;
        Ok(Self { root: absolute })
    }

    /// Names a data directory that is there, to read it.
    pub(crate) fn to_read(root: &Path) -> Result<Self, DataError> {
        let root = std::path::absolute(root).attempt("resolve", root)?;
        Ok(Self { root })
    }

    /// Refuses a directory in which there is neither the database of a registry nor what `reindex`
    /// makes one from.
    pub(crate) fn require(root: &Path) -> Result<(), DataError> {
        let data = Self {
            root: std::path::absolute(root).attempt("resolve", root)?,
        };
        for path in [data.database(), data.log_key(), data.log()] {
            if path.try_exists().attempt("look at", &path)? {
                return data.require_whole();
            }
        }
        Err(DataError::NoRegistry { path: data.root })
    }

    /// Refuses a directory into which something is being restored.
    fn require_whole(&self) -> Result<(), DataError> {
        if self.is_restoring()? {
            let path = self.root.clone();
            return Err(DataError::Unfinished { path });
        }
        Ok(())
    }

    /// Takes the lock for `command`, or says who has it.
    pub fn lock(&self, command: &str, now: Timestamp) -> Result<Lock, DataError> {
        if command != RESTORE {
            self.require_whole()?;
        }
        match Lock::try_take(&self.root.join("lock"), command, now)? {
            TryLock::Taken(lock) => Ok(lock),
            TryLock::Held { holder } => Err(DataError::Locked {
                path: self.root.clone(),
                holder,
            }),
        }
    }

    /// Returns when the lock was taken, by the clock of the disk.
    pub(crate) fn locked_at(&self) -> Result<SystemTime, FileError> {
        let path = self.root.join("lock");
        let metadata = std::fs::metadata(&path).attempt("look at", &path)?;
        metadata.modified().attempt("look at", &path)
    }

    /// Waits for the lock under which the database's tables are created.
    pub(crate) fn lock_database(&self, now: Timestamp) -> Result<Lock, DataError> {
        let path = self.root.join("registry.db.lock");
        Ok(Lock::take(&path, "bulla-registry", now, |holder| {
            tracing::info!(holder, "waiting for the database");
        })?)
    }

    /// Takes the lock of upkeep for `command`, or says who has it.
    pub(crate) fn lock_keeping(&self, command: &str, now: Timestamp) -> Result<Lock, DataError> {
        match Lock::try_take(&self.root.join("keeping.lock"), command, now)? {
            TryLock::Taken(lock) => Ok(lock),
            TryLock::Held { holder } => Err(DataError::Locked {
                path: self.root.clone(),
                holder,
            }),
        }
    }

    /// Returns the lock of those who store content and those who move or remove it.
    pub(crate) fn content_lock(&self) -> ContentLock {
        ContentLock::new(self.root.clone())
    }

    /// Returns the room that is given back when the disk is full.
    pub(crate) fn ballast(&self) -> Ballast {
        Ballast::new(self.root.join("ballast"))
    }

    /// Returns the mark of a process that records and indexes.
    pub(crate) fn indexing(&self) -> Indexing {
        Indexing::new(self.root.join("indexing"))
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("registry.db")
    }

    /// Makes room for the database that a backup is going to have; what lies there was not ended.
    pub(crate) fn next_database(&self) -> Result<Self, DataError> {
        let root = self.root.join("next");
        match std::fs::remove_dir_all(&root) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).attempt("remove", &root)?
            }
            _ => Self::open(&root),
        }
    }

    /// Puts that database in the place of the one that is here, durably. Nobody has either open.
    pub(crate) fn put_database(&self, next: &Self) -> Result<(), DataError> {
        for beside in ["registry.db-wal", "registry.db-shm"] {
            bulla_files::remove(&self.root.join(beside))?;
        }
        bulla_files::rename(&next.database(), &self.database())?;
        std::fs::remove_dir_all(&next.root).attempt("remove", &next.root)?;
        Ok(())
    }

    pub(crate) fn log_key(&self) -> PathBuf {
        self.root.join("log-key.pem")
    }

    /// Returns where the key lies that is to follow it.
    pub(crate) fn next_log_key(&self) -> PathBuf {
        self.root.join("log-key-next.pem")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Where `fsck` receives what another registry has.
    pub(crate) fn fetching(&self) -> PathBuf {
        self.root.join("fetching")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_second_process() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let lock = data.lock("serve", Timestamp::EPOCH).unwrap();
        assert!(matches!(
            data.lock("serve", Timestamp::EPOCH),
            Err(DataError::Locked { .. })
        ));
        drop(lock);
        data.lock("serve", Timestamp::EPOCH).unwrap();
    }
}
