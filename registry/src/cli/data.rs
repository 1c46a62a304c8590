//! What several commands need: the data directory, and the time.

use std::path::{Path, PathBuf};

use bulla_schemas::Timestamp;
use clap::Args;

use crate::clock::Clock;
use crate::data::mirror::MirrorNote;
use crate::data::{DataDirectory, DataError};
use crate::error::RegistryError;
use crate::log::LogFiles;

/// The data directory of a registry that exists.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// The data directory of the registry
    #[arg(long = "data", value_name = "DIR", env = "BULLA_DATA")]
    pub(super) directory: PathBuf,
}

impl Data {
    /// Returns the directory, and refuses one in which there is no registry, or none with a database or
    /// the key of its log: of a mistyped path or a lost database nothing is made.
    pub(super) fn existing(&self) -> Result<&Path, RegistryError> {
        DataDirectory::require_with_database(&self.directory)?;
        require_log_key(&self.directory)?;
        Ok(&self.directory)
    }

    /// Returns the directory also where the database is lost.
    pub(super) fn damaged(&self) -> Result<&Path, DataError> {
        DataDirectory::require(&self.directory)?;
        Ok(&self.directory)
    }
}

/// Refuses a registry that has a log and not its key.
pub(super) fn require_log_key(root: &Path) -> Result<(), RegistryError> {
    let data = DataDirectory::to_read(root)?;
    let is_mirror = MirrorNote::read(root).map_err(DataError::from)?.is_some();
    if !is_mirror {
        LogFiles::new(data.log()).require_key(&data.log_key())?;
    }
    Ok(())
}

/// Returns the clock of this machine.
pub(super) fn clock() -> Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program's edge is where the time comes from"
    )]
    Clock::new(|| {
        Timestamp::from_seconds(jiff::Timestamp::now().as_second()).unwrap_or(Timestamp::EPOCH)
    })
}
