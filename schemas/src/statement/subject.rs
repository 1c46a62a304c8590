//! What a statement is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, ProjectName};

/// The bundle that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The project.
    pub name: ProjectName,
    /// The bundle's hash.
    pub digest: DigestSet,
}

/// A sha256 in the form of in-toto: bare hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// The sha256.
    #[serde(with = "crate::digest::hex")]
    #[schemars(schema_with = "crate::digest::hex_schema")]
    pub sha256: Digest,
}
