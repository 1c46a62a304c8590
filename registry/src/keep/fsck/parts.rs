//! `Parts`: what `fsck` needs of a data directory, beside a server that has its lock.

use std::path::Path;

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
    pub(super) blobs: BlobStore,
    pub(super) repositories: Repositories,
    pub(super) database: Database,
    pub(super) log: LogFiles,
    pub(super) content: ContentLock,
}

impl Parts {
    /// Opens the data directory at `root`.
    pub(super) async fn open(root: &Path, clock: &Clock) -> Result<Self, RegistryError> {
        let data = DataDirectory::open(root)?;
        let objects = Objects::new(root.to_owned());
        Ok(Self {
            blobs: BlobStore::new(objects.clone(), Disk::new(root.to_owned())),
            repositories: Repositories::new(objects),
            database: Database::open(&data, clock.now()).await?,
            log: LogFiles::new(data.log()),
            content: data.content_lock(),
        })
    }
}
