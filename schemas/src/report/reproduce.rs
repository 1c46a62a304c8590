//! `bulla reproduce --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::Change;
use crate::{Digest, ProjectName};

/// A release that was made again, beside the one that the registry has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReproduceReport {
    /// The project.
    pub project: ProjectName,
    /// The release.
    pub hash: Digest,
    /// The hash of what was made again.
    pub found: Digest,
    /// How they compare.
    pub answer: ReproducedAs,
    /// Where the source came from.
    pub source: String,
    /// The commit id or revision number.
    pub revision: String,
    /// The paths that differ, from the release to what was made again.
    pub changes: Vec<Change>,
    /// What differs in the release documents.
    pub document: Vec<FieldDifference>,
}

/// How a release that was made again compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReproducedAs {
    /// The same hash.
    Identical,
    /// The same files from the same revision and recipe, compressed by another codec.
    SameContent,
    /// Anything else.
    Different,
}

/// A field of the release document that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldDifference {
    /// Its name.
    pub field: String,
    /// What the release says, as JSON.
    pub expected: String,
    /// What was made again says.
    pub found: String,
}
