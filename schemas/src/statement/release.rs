//! The release statement: a builder says which bundle came from which revision
//! (SLSA provenance v1). It makes a bundle promotable and grants nothing else.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::subject::DigestSet;
use crate::{ProjectName, Timestamp};

/// An in-toto statement with SLSA provenance about one bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseStatement {
    /// [`STATEMENT_TYPE`](super::STATEMENT_TYPE).
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The one bundle.
    pub subject: [ReleaseSubject; 1],
    /// [`RELEASE_TYPE`](super::RELEASE_TYPE).
    pub predicate_type: String,
    /// What was built from what, by whom.
    pub predicate: ReleasePredicate,
}

/// The bundle, with the bytes that a server will fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseSubject {
    /// The project; equals `externalParameters.project`.
    pub name: ProjectName,
    /// The bundle's hash.
    pub digest: DigestSet,
    /// The bundle's size.
    pub annotations: SizeAnnotation,
}

/// How large the bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizeAnnotation {
    /// Bytes of the manifest and all blobs it names.
    pub size: u64,
}

/// SLSA provenance v1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleasePredicate {
    /// What went in.
    pub build_definition: BuildDefinition,
    /// Who ran it, and when.
    pub run_details: RunDetails,
}

/// What went into the build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildDefinition {
    /// [`BUILD_TYPE`](super::BUILD_TYPE).
    pub build_type: String,
    /// What the policy judges.
    pub external_parameters: ExternalParameters,
    /// What helps people.
    pub internal_parameters: InternalParameters,
    /// The revision: exactly one.
    pub resolved_dependencies: [Dependency; 1],
}

/// The parameters that the policy judges. Unknown ones are refused, as SLSA asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalParameters {
    /// The project.
    pub project: ProjectName,
    /// `git+` or `svn+` and the repository's URL, without user or password.
    pub source: String,
    /// The branch or tag, such as `refs/heads/main`; for svn the path inside the repository.
    /// Empty when the revision is on none.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The path of the recipe in the checkout.
    pub recipe: String,
    /// A tag or version for people; may be empty.
    pub label: String,
    /// Whether the checkout had changes that are in no revision. Such a release cannot be promoted.
    pub dirty: bool,
    /// How the recipe's build ran; left out when there is none.
    #[serde(
        default,
        skip_serializing_if = "Build::is_none",
        deserialize_with = "written_build"
    )]
    #[schemars(schema_with = "written_build_schema")]
    pub build: Build,
}

/// How the recipe's build ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Build {
    /// The recipe has no build: the checkout itself is the release.
    #[default]
    None,
    /// In a sandbox.
    Sandbox,
    /// Without a sandbox, because somebody said so.
    NoSandbox,
}

impl Build {
    /// Tells whether the recipe has no build.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// A field at its default has one form: it is left out.
fn written_build<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Build, D::Error> {
    match Build::deserialize(deserializer)? {
        Build::None => Err(D::Error::custom(
            "`none` is the default and must be left out",
        )),
        build => Ok(build),
    }
}

fn written_build_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": [Build::Sandbox, Build::NoSandbox] })
}

/// What helps people and is judged by nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InternalParameters {
    /// The program and its version, `bulla 0.1.0`.
    pub tool: String,
}

/// The revision that was packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// `source`, `@` and the ref or revision.
    pub uri: String,
    /// The commit id (git) or the digest of the index (svn, where a revision is a number).
    pub digest: DependencyDigest,
    /// The revision number, for svn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<DependencyAnnotations>,
}

/// The digest of a revision (in-toto `digest_set.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum DependencyDigest {
    /// A git commit id in hex.
    GitCommit(String),
    /// The sha256 of the index in hex.
    Sha256(String),
}

/// What stands beside a revision's digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DependencyAnnotations {
    /// The Subversion revision number.
    pub svn_revision: String,
    /// What stands for the keywords of `svn:keywords`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svn_keywords: Option<SvnKeywords>,
    /// How the lines of files with `svn:eol-style` native end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svn_eol_style: Option<SvnEolStyle>,
}

/// What stands for the keywords of `svn:keywords`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SvnKeywords {
    /// The keywords themselves, as the repository has them.
    Unexpanded,
}

/// How the lines of files with `svn:eol-style` native end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SvnEolStyle {
    /// With a line feed, as the repository has them.
    #[serde(rename = "LF")]
    Lf,
}

/// Who ran the build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunDetails {
    /// The builder that the policy knows.
    pub builder: Builder,
    /// When and in which run.
    pub metadata: BuildMetadata,
}

/// A builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Builder {
    /// The `builderId` in the policy.
    pub id: String,
}

/// When and in which run. For people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildMetadata {
    /// The URL or number of the CI run; may be empty.
    pub invocation_id: String,
    /// When packing began.
    pub started_on: Timestamp,
    /// When packing ended.
    pub finished_on: Timestamp,
}
