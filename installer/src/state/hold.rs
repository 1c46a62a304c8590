//! The hold: a person rolled back on this server, so the live release is not the channel's head,
//! and others can see why. It never ends by itself; an explicit `install` clears it.

use std::path::Path;

use bulla_schemas::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::json;
use crate::platform::files;

/// Why a server stays on a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hold {
    /// The release that was gone back to.
    pub hash: Digest,
    /// The release that was left.
    pub left: Digest,
    /// Since when, by this server's clock.
    pub since: Timestamp,
    /// Who rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

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
