//! What several commands need: the data directory, and the time.

use std::path::{Path, PathBuf};

use bulla_schemas::Timestamp;
use clap::Args;

use crate::clock::Clock;
use crate::data::{DataDirectory, DataError};

/// The data directory of a registry that exists.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// The data directory of the registry
    #[arg(long = "data", value_name = "DIR", env = "BULLA_DATA")]
    pub(super) directory: PathBuf,
}

impl Data {
    /// Returns the directory, and refuses one in which there is no registry, or none with a database: of
    /// a mistyped path or a lost database nothing is made.
    pub(super) fn existing(&self) -> Result<&Path, DataError> {
        DataDirectory::require_with_database(&self.directory)?;
        Ok(&self.directory)
    }

    /// Returns the directory also where the database is lost.
    pub(super) fn damaged(&self) -> Result<&Path, DataError> {
        DataDirectory::require(&self.directory)?;
        Ok(&self.directory)
    }
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
