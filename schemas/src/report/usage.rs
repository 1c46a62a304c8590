//! `bulla-registry du --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, ProjectName};

/// What the content of a registry takes on its disk, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsageReport {
    /// What all blobs and manifests have, of each project.
    pub apparent: u64,
    /// What the files have in which they are stored.
    pub real: u64,
    /// How much of that no blob needs: frames of pushes that a crash cut short, and of blobs that are
    /// damaged.
    pub unused: u64,
    /// The projects, by name.
    pub projects: Vec<ProjectUsage>,
    /// How long ago the frames were stored that blobs need, the newest first.
    pub frames: Vec<FrameAge>,
}

/// What the content of a project takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectUsage {
    /// The project.
    pub project: ProjectName,
    /// What its blobs and manifests have.
    pub apparent: u64,
    /// What is stored of them, each piece once. Other projects may need some of it too.
    pub real: u64,
    /// How much of that no other project needs.
    pub alone: u64,
    /// Its releases, those that need most alone first; only when the command names the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releases: Option<Vec<ReleaseUsage>>,
}

/// What a release takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseUsage {
    /// The release.
    pub hash: Digest,
    /// The tags that name it.
    pub tags: Vec<String>,
    /// What its blobs and its manifest have.
    pub apparent: u64,
    /// What is stored of them, each piece once. Other releases may need some of it too.
    pub real: u64,
    /// How much of that nothing else needs.
    pub alone: u64,
}

/// The frames that were stored within some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FrameAge {
    /// At most so many days ago, and more than those before it in the list; absent for all that are
    /// older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// How many frames.
    pub count: u64,
    /// How many bytes they have.
    pub real: u64,
}
