//! Statements: what builders and people sign (in-toto Statement v1).

mod promotion;
mod release;
mod revocation;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, ProjectName};

pub use promotion::{Action, PromotionPredicate, PromotionStatement};
pub use release::{
    Build, BuildDefinition, BuildMetadata, Builder, Dependency, DependencyAnnotations,
    DependencyDigest, ExternalParameters, InternalParameters, ReleasePredicate, ReleaseStatement,
    ReleaseSubject, RunDetails, SizeAnnotation, SvnEolStyle, SvnKeywords,
};
pub use revocation::{RevocationPredicate, RevocationStatement, Severity};

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// `predicateType` of a release: SLSA provenance.
pub const RELEASE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// `predicateType` of a promotion.
pub const PROMOTION_TYPE: &str = "urn:bulla:promotion:v1";
/// `predicateType` of a revocation.
pub const REVOCATION_TYPE: &str = "urn:bulla:revocation:v1";
/// `buildType` of releases made by Bulla.
pub const BUILD_TYPE: &str = "urn:bulla:build:v1";

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
