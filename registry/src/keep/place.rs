//! `Place`: where a registry lies, looked at without its database.

use crate::data::DataDirectory;
use crate::log::LogFiles;
use crate::objects::Objects;
use crate::store::blobs::BlobStore;
use crate::store::space::Disk;

/// What a registry is besides its database.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) data: DataDirectory,
    pub(super) objects: Objects,
    pub(super) blobs: BlobStore,
    pub(super) log: LogFiles,
}

impl Place {
    /// Looks at a data directory.
    pub(super) fn new(data: &DataDirectory) -> Self {
        let (root, objects) = (data.root().to_owned(), Objects::new(data.root().to_owned()));
        Self {
            data: data.clone(),
            blobs: BlobStore::new(objects.clone(), Disk::new(root)),
            log: LogFiles::new(data.log()),
            objects,
        }
    }
}
