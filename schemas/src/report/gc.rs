//! `bulla-registry gc --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, ProjectName};

/// What is removed from a registry, or would be, and what is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GcReport {
    /// Whether nothing was removed, because that was only asked for.
    pub dry_run: bool,
    /// The releases, by project.
    pub releases: Vec<GcRelease>,
    /// How many other manifests are removed, such as those about releases that go.
    pub manifests: u64,
    /// How many blobs are taken from projects.
    pub blobs: u64,
    /// How many uploads are removed that nobody goes on with.
    pub uploads: u64,
    /// How many packs are written again without the frames that nothing needs.
    pub rewritten: u64,
    /// Of how much content what was damaged is removed, because the content is right again, or nothing
    /// needs it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub damaged: u64,
    /// How many bytes the disk has more afterwards.
    pub freed: u64,
    /// Projects of which nothing is removed. While there are any, no content is removed at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<GcSkipped>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_nothing(count: &u64) -> bool {
    *count == 0
}

/// A project of which nothing is removed, because something that stays is damaged or lost: what it
/// needs cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GcSkipped {
    /// The project.
    pub project: ProjectName,
    /// The digest of the manifest or blob.
    pub digest: String,
}

/// A release, and why it stays or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GcRelease {
    /// The project.
    pub project: ProjectName,
    /// The release.
    pub hash: Digest,
    /// Whether it stays.
    pub kept: bool,
    /// Why, in words.
    pub reasons: Vec<String>,
    /// The pattern of the rule that says what is kept of the project, `defaults` where no rule names
    /// it; absent where there are no rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What its blobs and its manifest have, in bytes; other releases may need some of it too.
    pub apparent: u64,
}
