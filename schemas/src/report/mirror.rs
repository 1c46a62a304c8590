//! `bulla-registry mirror --once --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ProjectName;

/// What a mirror has taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MirrorReport {
    /// The address of the registry that is mirrored.
    pub origin: String,
    /// How many entries the log has.
    pub entries: u64,
    /// How many of them are new here.
    pub new_entries: u64,
    /// How many projects were looked at.
    pub projects: u64,
    /// How many manifests are new here, or whole again.
    pub manifests: u64,
    /// How many bytes of blobs came for that.
    pub received: u64,
    /// What should be here and is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<NotMirrored>,
}

/// Content that could not be taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotMirrored {
    /// The project.
    pub project: ProjectName,
    /// A digest, or a tag.
    pub content: String,
    /// Why, in a sentence.
    pub why: String,
}
