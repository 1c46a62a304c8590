//! `bulla-registry fsck --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ChannelName, Digest, ProjectName};

/// What was looked at in a data directory, and what is wrong there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FsckReport {
    /// How many bytes of content were read and hashed, each once.
    pub checked: u64,
    /// How many entries of the log were read and hashed.
    pub entries: u64,
    /// What is wrong, or was until it was repaired.
    pub damages: Vec<Damage>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Damage {
    /// What it is.
    pub kind: DamageKind,
    /// The project that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The digest of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What is wrong with it, in a sentence.
    pub found: String,
    /// The releases of the project that cannot be fetched whole because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<DamagedRelease>,
    /// Whether it is right now.
    pub repaired: bool,
    /// The registry that had the content, of what was brought back from another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_from: Option<String>,
    /// What to do; absent when it is right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What is damaged.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DamageKind {
    /// The log.
    Log,
    /// The database as a whole, tokens and reports of hosts among it.
    Database,
    /// A row of the index, or the record that it is made from.
    Index,
    /// A manifest.
    Manifest,
    /// Other content.
    Blob,
    /// A release that the log names, and of which nothing is here.
    Release,
}

/// A release that cannot be fetched whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DamagedRelease {
    /// The release.
    pub hash: Digest,
    /// The revision that it was made of, where the log names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The channels that point to it.
    pub channels: Vec<ChannelName>,
}

impl std::fmt::Display for DamageKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Log => "log",
            Self::Database => "database",
            Self::Index => "index",
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::Release => "release",
        })
    }
}
