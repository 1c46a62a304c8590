//! The hold: a person keeps this server on a release, and others can see why. A rollback's ends when
//! the channel moves past what was left, unless the host file says otherwise; every other one only
//! when a person ends it.

use std::path::Path;

pub use bulla_schemas::report::server::{Hold, HoldKind};

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
