//! Statements: what builders and people sign (in-toto Statement v1).

mod promotion;
mod release;
mod revocation;
mod rollout;
mod subject;

pub use promotion::{Action, PromotionPredicate, PromotionStatement};
pub use release::{
    Build, BuildDefinition, BuildMetadata, Builder, Dependency, DependencyAnnotations,
    DependencyDigest, ExternalParameters, InternalParameters, ReleasePredicate, ReleaseStatement,
    ReleaseSubject, RunDetails, SizeAnnotation, SvnEolStyle, SvnKeywords,
};
pub use revocation::{RevocationPredicate, RevocationStatement, Severity};
pub use rollout::{Interval, Wave, WaveError, Waves, WavesError};
pub use subject::{DigestSet, Subject};

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
