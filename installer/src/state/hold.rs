//! The hold: a person rolled back on this server, so the live release is not the channel's head,
//! and others can see why. It never ends by itself; an explicit `install` clears it.

use std::path::Path;

pub use bulla_schemas::report::server::Hold;

use super::error::StateError;
use super::json;
use crate::platform::files;

/// Reads the hold, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<Hold>, StateError> {
    json::read(path)
}

/// Sets or clears the hold durably.
pub(crate) fn write(path: &Path, hold: Option<&Hold>) -> Result<(), StateError> {
    if let Some(hold) = hold {
        return json::write(path, hold);
    }
    files::remove(path)?;
    Ok(())
}
