//! `bulla check --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::Change;
use crate::{Digest, ProjectName};

/// What came of packing a revision twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckReport {
    /// The project.
    pub project: ProjectName,
    /// The commit id or revision number.
    pub revision: String,
    /// Whether the recipe has a build.
    pub built: bool,
    /// The hash the first time.
    pub first: Digest,
    /// The hash the second time.
    pub second: Digest,
    /// What was different the second time.
    pub varied: Vec<String>,
    /// What differs, by path.
    pub differences: Vec<CheckDifference>,
}

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckDifference {
    /// The path, and what differs.
    #[serde(flatten)]
    pub change: Change,
    /// The first place that differs, in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<DifferencePlace>,
    /// What `diffoscope` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// The first place where two contents differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DifferencePlace {
    /// How many bytes before it are the same.
    pub offset: u64,
    /// The line, from 1, in text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What it belongs to in a known format, such as `the time in the gzip header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The text around it, or the bytes in hex, the first time.
    pub first: String,
    /// The same, the second time.
    pub second: String,
}

impl CheckReport {
    /// Tells whether both times gave the same.
    pub fn is_same(&self) -> bool {
        self.first == self.second
    }
}
