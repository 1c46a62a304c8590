//! Frames of blobs, and where they lie: the words that the store and the database share.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use bulla_schemas::Digest;
use bulla_schemas::api::BlobFrame;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A frame, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) frame: BlobFrame,
    pub(crate) place: Place,
}

/// Where a frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) pack: PackId,
    /// Of its first byte, in the pack.
    pub(crate) offset: u64,
}

/// Where frames lie, by their digests.
pub(crate) type Places = HashMap<Digest, Place>;

/// The name of a pack: the id of the upload that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct PackId(Uuid);

/// Why a text is not the name of a pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the UUID of a pack, found {found:?}")]
pub(crate) struct PackIdError {
    found: String,
}

impl From<Uuid> for PackId {
    fn from(upload: Uuid) -> Self {
        Self(upload)
    }
}

impl TryFrom<String> for PackId {
    type Error = PackIdError;

    fn try_from(text: String) -> Result<Self, PackIdError> {
        match Uuid::try_parse(&text) {
            Ok(id) if id.to_string() == text => Ok(Self(id)),
            _ => Err(PackIdError { found: text }),
        }
    }
}

impl From<PackId> for String {
    fn from(id: PackId) -> Self {
        id.to_string()
    }
}

impl FromStr for PackId {
    type Err = PackIdError;

    fn from_str(text: &str) -> Result<Self, PackIdError> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
