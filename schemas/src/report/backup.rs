//! `bulla-registry backup --json` and `bulla-registry restore --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Damage;
use crate::{ProjectName, Timestamp};

/// What a backup has now, and what was done for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupReport {
    /// When the backup began: what was answered for before is in it.
    pub at: Timestamp,
    /// How many entries the log has.
    pub entries: u64,
    /// How many projects have anything.
    pub projects: u64,
    /// How many tokens there are, revoked ones among them.
    pub tokens: u64,
    /// How many hosts have reported.
    pub hosts: u64,
    /// How many bytes of content were copied.
    pub copied: u64,
    /// How many bytes of content are links to the registry's own files.
    pub linked: u64,
    /// How many files went that the registry does not have any more.
    pub removed: u64,
    /// What projects have and is stored neither in the registry nor in the backup.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingContent>,
}

/// Content that a project has and that is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingContent {
    /// The project.
    pub project: ProjectName,
    /// The digest of the content.
    pub digest: String,
}

/// What was restored, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreReport {
    /// When the backup began; absent where it was restored from a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How many entries the log has.
    pub entries: u64,
    /// How many manifests there are, counted in each project that has them.
    pub manifests: u64,
    /// How many blobs, counted in the same way.
    pub blobs: u64,
    /// How many tags.
    pub tags: u64,
    /// How many tokens there are, revoked ones among them.
    pub tokens: u64,
    /// How many hosts have reported.
    pub hosts: u64,
    /// How many bytes of content were copied.
    pub copied: u64,
    /// What is not as it was written.
    pub damages: Vec<Damage>,
}
