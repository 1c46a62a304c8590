//! What a server remembers of a promotion that it waits with: since when it knows it, and which
//! servers of earlier waves said that it failed.

use bulla_schemas::statement::Wave;
use bulla_schemas::{HostName, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::json;
use crate::platform::files;
use crate::site::Site;

/// What is remembered of a promotion. What it says of another one means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Remembered {
    /// The promotion's entry of the log.
    pub(crate) entry: u64,
    /// When this server first knew it, by its own clock.
    pub(crate) seen_at: Timestamp,
    /// Where the release failed, as far as the registry said when it last could be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<FailedHost>,
    /// Since when the registry could not be asked whether that is still so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unasked_since: Option<Timestamp>,
}

/// A server of an earlier wave on which a release failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailedHost {
    pub(crate) host: HostName,
    pub(crate) wave: Wave,
    /// In that server's words.
    pub(crate) why: String,
    /// Since when, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
}

impl Remembered {
    /// A promotion that is seen for the first time.
    pub(crate) const fn new(entry: u64, seen_at: Timestamp) -> Self {
        Self {
            entry,
            seen_at,
            failures: Vec::new(),
            unasked_since: None,
        }
    }
}

/// Reads what is remembered of a promotion.
pub(crate) fn read(site: &Site, entry: u64) -> Result<Option<Remembered>, StateError> {
    let found: Option<Remembered> = json::read(&site.rollout())?;
    Ok(found.filter(|found| found.entry == entry))
}

/// Tells whether what is remembered can be read.
pub(crate) fn check(site: &Site) -> Result<(), StateError> {
    json::read::<Remembered>(&site.rollout()).map(drop)
}

/// Remembers it.
pub(crate) fn write(site: &Site, remembered: &Remembered) -> Result<(), StateError> {
    bulla_files::create_private_directory(site.state())?;
    json::write(&site.rollout(), remembered)
}

/// Forgets whatever is remembered.
pub(crate) fn forget(site: &Site) -> Result<(), StateError> {
    files::remove(&site.rollout())?;
    Ok(())
}
