//! `Parts`: what upkeep needs of a data directory, beside a server that has its lock.

use std::path::Path;

use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::{ContentLock, DataDirectory};
use crate::database::Database;
use crate::error::RegistryError;
use crate::log::LogFiles;
use crate::objects::Objects;
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
        Ok(Self {
            blobs: BlobStore::new(objects.clone(), Disk::new(root.to_owned())),
            repositories: Repositories::new(objects),
            database: Database::open(&data, clock.now()).await?,
            log: LogFiles::new(data.log()),
            content: data.content_lock(),
            clock: clock.clone(),
            data,
        })
    }

    /// Refuses to go on while a disk of its own is away: all that is on it would seem to be lost.
    pub(super) async fn require_disks(&self) -> Result<(), RegistryError> {
        // Where the database cannot be read, it is the folders that count.
        let has_manifests = self.database.has_manifests().await.unwrap_or(true);
        let blobs = self.blobs.clone();
        match blocking(move || blobs.away(has_manifests)).await? {
            None => Ok(()),
            Some(folder) => Err(RegistryError::Away { folder }),
        }
    }
}
