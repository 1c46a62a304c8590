//! `bulla show --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::ReleaseSummary;
use crate::manifest::Manifest;
use crate::release::ReleaseDocument;
use crate::statement::Build;
use crate::{Name, ProjectName, Timestamp};

/// What a release is made of, who built it, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseReport {
    /// The project.
    pub project: ProjectName,
    /// What lists show.
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    /// The bytes that the hash is of, as a document.
    pub manifest: Manifest,
    /// What the bundle is made of.
    pub document: ReleaseDocument,
    /// What builders said about it, in the order of the log.
    pub statements: Vec<StatementReport>,
}

/// What a builder said about a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatementReport {
    /// The entry of the log.
    pub entry: u64,
    /// Who signed it.
    pub builders: Vec<Name>,
    /// Where the release came from, `git+https://...`.
    pub source: String,
    /// The branch or tag, or the path in an svn repository.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The commit id or revision number.
    pub revision: String,
    /// A tag or version for people; may be empty.
    pub label: String,
    /// Whether the checkout had changes that are in no revision.
    pub dirty: bool,
    /// How the recipe's build ran.
    pub build: Build,
    /// When packing ended, as the builder says.
    pub finished_on: Timestamp,
}
