//! `bulla identify --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ChannelName, Digest, ProjectName};

/// The release that a directory is nearest to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentifyReport {
    /// The project.
    pub project: ProjectName,
    /// Whether nothing differs.
    pub exact: bool,
    /// The channels that point to the release.
    pub channels: Vec<ChannelName>,
    /// The release.
    pub hash: Digest,
    /// Its commit id or revision number.
    pub revision: String,
    /// How many of its files and links are in the directory as they should be.
    pub same: u64,
    /// The paths that differ, sorted.
    pub differences: Vec<PathDifference>,
}

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PathDifference {
    /// The path.
    pub path: String,
    /// How it differs.
    pub difference: PathDifferenceKind,
}

/// How a path differs from the release.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PathDifferenceKind {
    /// Only the release has it.
    Missing,
    /// Only the directory has it.
    Extra,
    /// Other content, or another target.
    Changed,
    /// Another executable bit.
    Mode,
    /// Another kind of entry, or one that no release can have.
    Kind,
    /// It cannot be read.
    Unreadable,
}

impl std::fmt::Display for PathDifferenceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Missing => "missing",
            Self::Extra => "added",
            Self::Changed => "changed",
            Self::Mode => "mode",
            Self::Kind => "kind",
            Self::Unreadable => "unreadable",
        })
    }
}
