//! The hosts that a data directory knows, for its operator: one that is gone is forgotten, also
//! while the registry runs.

use std::path::Path;

use bulla_schemas::HostName;

use crate::clock::Clock;
use crate::database::Database;
use crate::error::{RegistryError, on};
use crate::store::space::Disk;

/// The hosts of a data directory.
#[derive(Debug)]
pub struct Hosts {
    database: Database,
    disk: Disk,
}

impl Hosts {
    /// Opens a data directory for its hosts only, without its lock.
    pub async fn open(root: &Path, clock: &Clock) -> Result<Self, RegistryError> {
        let disk = Disk::new(root.to_owned());
        let opened = Database::open_in(root, clock.now()).await;
        Ok(Self {
            database: opened.map_err(on(&disk))?,
            disk,
        })
    }

    /// Forgets a host and all that it reported, and tells whether there is one with this name.
    pub async fn remove(&self, host: &HostName) -> Result<bool, RegistryError> {
        let removed = self.database.remove_host(host).await;
        removed.map_err(on(&self.disk))
    }
}
