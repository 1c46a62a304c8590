//! `Parts`: what upkeep needs of a data directory, beside a server that has its lock.

use std::path::Path;

use bulla_files::Attempt as _;
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};
use tempfile::TempDir;

use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::{ContentLock, DataDirectory};
use crate::database::Database;
use crate::error::RegistryError;
use crate::log::LogFiles;
use crate::objects::Objects;
use crate::publish::Catalog;
use crate::store::blobs::BlobStore;
use crate::store::repositories::Repositories;
use crate::store::space::Disk;

/// The parts of a data directory.
pub(super) struct Parts {
    pub(super) data: DataDirectory,
    pub(super) blobs: BlobStore,
    pub(super) repositories: Repositories,
    pub(super) database: Database,
    pub(super) log: LogFiles,
    pub(super) content: ContentLock,
    pub(super) clock: Clock,
    /// Where a copy of the database lies that is read in its place.
    _aside: Option<TempDir>,
}

impl Parts {
    /// Opens the data directory at `root`.
    pub(super) async fn open(root: &Path, clock: &Clock) -> Result<Self, RegistryError> {
        Self::open_over(Objects::new(root.to_owned()), root, clock).await
    }

    /// Opens a data directory whose content and records are other objects than its files.
    pub(super) async fn open_over(
        objects: Objects,
        root: &Path,
        clock: &Clock,
    ) -> Result<Self, RegistryError> {
        let data = DataDirectory::open(root)?;
        let database = Database::open(&data, clock.now()).await?;
        Ok(Self::new(objects, data, database, None, clock))
    }

    /// Takes what a registry has that is open.
    pub(super) fn of(data: &DataDirectory, catalog: &Catalog, clock: &Clock) -> Self {
        Self {
            blobs: catalog.blobs.clone(),
            repositories: catalog.repositories.clone(),
            database: catalog.database.clone(),
            log: LogFiles::new(data.log()),
            content: data.content_lock(),
            clock: clock.clone(),
            data: data.clone(),
            _aside: None,
        }
    }

    /// Opens the data directory at `root` and writes nothing into it where nothing may be written, as in
    /// a snapshot or by somebody who may only read: SQLite cannot read there what was written last, so a
    /// copy of the database is read. In the place of one that is lost an empty one is opened elsewhere.
    pub(super) async fn open_to_read(root: &Path, clock: &Clock) -> Result<Self, RegistryError> {
        let data = DataDirectory::to_read(root)?;
        let is_there = data.has_database()?;
        let is_read_only =
            statvfs(root).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY));
        let may_write = access(root, Access::WRITE_OK).is_ok() && data.may_write_database();
        let (database, aside) = if is_there && may_write && !is_read_only {
            (Database::open(&data, clock.now()).await?, None)
        } else {
            let aside = tempfile::tempdir().attempt("make a directory in", std::env::temp_dir())?;
            let copy = DataDirectory::open(aside.path())?;
            if is_there {
                let (from, to) = (data.clone(), copy.clone());
                blocking(move || from.copy_database_unchanged(&to)).await?;
            }
            (Database::open(&copy, clock.now()).await?, Some(aside))
        };
        let objects = Objects::new(root.to_owned());
        Ok(Self::new(objects, data, database, aside, clock))
    }

    fn new(
        objects: Objects,
        data: DataDirectory,
        database: Database,
        aside: Option<TempDir>,
        clock: &Clock,
    ) -> Self {
        let disk = Disk::new(data.root().to_owned());
        Self {
            blobs: BlobStore::new(objects.clone(), disk),
            repositories: Repositories::new(objects),
            database,
            log: LogFiles::new(data.log()),
            content: data.content_lock(),
            clock: clock.clone(),
            data,
            _aside: aside,
        }
    }

    /// Refuses to go on while a disk of its own is away: all that is on it would seem to be lost.
    pub(super) async fn require_disks(&self) -> Result<(), RegistryError> {
        // Where the database cannot be read, it is the folders that count.
        let is_indexed = self.database.has_manifests().await.unwrap_or(true);
        let (blobs, repositories) = (self.blobs.clone(), self.repositories.clone());
        let away = blocking(move || {
            let has_manifests = is_indexed || repositories.has_manifest()?;
            blobs.away(has_manifests)
        });
        match away.await? {
            None => Ok(()),
            Some(folder) => Err(RegistryError::Away { folder }),
        }
    }
}
