//! The registry's JSON interface: what `/log/entries`, `/log/cosignatures`, `/v2/{project}/_bulla/` and `/api/v1/` take
//! and answer.
//!
//! A project's name stands in a path as it is, or with `/` as `%2F`, which is never taken for
//! another path (a project may be called `acme/releases`). Lists are pages: `?after=` takes the
//! `next` of the page before.
//!
//! [`OPENAPI`] says which request takes and answers what. `GET /api/v1/watch` answers with
//! server-sent events, each with a [`LogPosition`](crate::log::LogPosition), unless `?wait=` asks for
//! one answer.

mod cosignatures;
mod cut_text;
mod delta;
mod diff;
mod frames;
mod host_report;
mod hosts;
mod page;
mod proposals;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cosignatures::{CosignatureReceipt, Cosignatures};
pub use cut_text::CutText;
pub use delta::DeltaRequest;
pub use diff::{
    Change, ChangeKind, ChangeSide, Diff, DiffTotals, HealthChange, HookChange, InstallChanges,
    NameChanges, SideKind, TimeoutChange,
};
pub use frames::{BlobFrame, BlobFrames, MissingFrames};
pub use host_report::{
    DiskSpace, Health, HostFacts, HostReport, ProjectReport, ReportError, ReportReceipt,
    ReportedDrain, ReportedError, ReportedHold, ReportedProjects, ReportedWaiting,
};
pub use hosts::{Arrival, Deployment, DeploymentState, HostChange, HostDetail, HostSummary};
pub use page::Page;
pub use proposals::Proposal;

use crate::release::ReleaseDocument;
use crate::statement::{Action, Severity, Wave, Waves};
use crate::{ChannelName, Digest, HostName, Name, ProjectName, Timestamp};

/// The whole interface but for what is OCI's (OpenAPI 3.1). It is generated, see
/// `schemas/tests/openapi.rs`.
pub const OPENAPI: &str = include_str!("../json/openapi.json");

/// What the registry says about its log. Nothing here is trusted: it helps to make the first
/// policy and to see how far the log has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogInfo {
    /// The log's name, absent before the first policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The registry's Ed25519 log key: standard base64 of its 32 public bytes.
    pub log_key: String,
    /// How many entries the published checkpoint covers.
    pub size: u64,
    /// The address of the registry that this one is a mirror of; absent where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_of: Option<String>,
    /// How many entries of that registry's log this mirror lacks, as far as it has heard since it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_behind: Option<u64>,
    /// When this mirror last had all that registry has; absent where that was not since it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored_at: Option<Timestamp>,
}

/// Who asks, as the registry sees it, and what it would let them do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallerInfo {
    /// The scopes of the token, `pull`, `push`, `report` or `admin`; none without a token.
    pub scopes: Vec<String>,
    /// The projects that the token is for, such as `acme/*`; none without a token.
    pub projects: Vec<String>,
    /// The host whose reports the token may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// Whether everybody may read.
    pub anonymous_read: bool,
}

impl CallerInfo {
    /// Says what the token is for: `pull, report for all projects, as web1`.
    pub fn rights(&self) -> String {
        let is_for_all = self.projects.iter().any(|project| project == "*");
        let projects = if is_for_all {
            "all projects".to_owned()
        } else {
            self.projects.join(", ")
        };
        let host = self.host.as_ref();
        let host = host.map_or_else(String::new, |host| format!(", as {host}"));
        format!("{} for {projects}{host}", self.scopes.join(", "))
    }

    /// Tells whether the token has a scope, which `admin` has too.
    pub fn allows(&self, scope: &str) -> bool {
        let mut scopes = self.scopes.iter();
        scopes.any(|given| given == scope || given == "admin")
    }
}

/// The answer to an appended envelope, given once a published checkpoint covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Appended {
    /// The entry's index in the log.
    pub index: u64,
    /// The size of the log that the checkpoint covers.
    pub size: u64,
}

/// A project and where its channels stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectSummary {
    /// The project.
    pub project: ProjectName,
    /// How many releases it has.
    pub releases: u64,
    /// The last promotion of each channel, by the channel's name.
    pub channels: Vec<Promotion>,
}

/// A release as lists show it, newest entry first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseSummary {
    /// The bundle's hash.
    pub hash: Digest,
    /// Where it came from, `git+https://...`.
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
    /// Who built it first.
    pub built_by: Vec<Name>,
    /// Who else built the same bytes.
    pub reproduced_by: Vec<Name>,
    /// Bytes of the manifest and all blobs it names.
    pub size: u64,
    /// When packing ended, as the builder says.
    pub finished_on: Timestamp,
    /// The entry of its first release statement.
    pub entry: u64,
    /// Whether people said that it must not be activated again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Severity>,
    /// The channels that point to it.
    pub channels: Vec<ChannelName>,
}

/// Everything about one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseDetail {
    /// What lists show.
    pub summary: ReleaseSummary,
    /// What the bundle is made of.
    pub document: ReleaseDocument,
}

/// A promotion: of a history, or the last one of a channel, which says what the channel points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Promotion {
    /// The entry of the log.
    pub entry: u64,
    /// The channel.
    pub channel: ChannelName,
    /// The promotion's number in the channel.
    pub seq: u64,
    /// What was done.
    pub action: Action,
    /// The hash that the channel points to.
    pub hash: Digest,
    /// Who signed it.
    pub people: Vec<Name>,
    /// Why.
    pub reason: String,
    /// When it was signed, as the signer says.
    pub issued_at: Timestamp,
    /// When the waves after the first may go; absent when all servers go at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves: Option<Waves>,
    /// Whether servers go past their maintenance windows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// The last wave that people let go, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Wave>,
}

/// Every error of `/log` and `/api`: a stable word for programs, sentences for people. OCI paths
/// answer with OCI's own error body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorBody {
    /// The stable word.
    pub error: ErrorCode,
    /// What happened.
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What to look for in the registry's log.
    pub request_id: String,
}

/// The stable words for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request cannot be understood.
    Malformed,
    /// No token, or one that is unknown, expired or revoked.
    Unauthorized,
    /// The token does not allow this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// A shortened hash that several releases share.
    Ambiguous,
    /// The log has no first policy yet.
    NoPolicy,
    /// The statement would have no effect; the message says why.
    Ineffective,
    /// Too large.
    TooLarge,
    /// Too many requests at once.
    TooManyRequests,
    /// The registry failed; its log says why.
    Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_is_for_is_said_with_its_projects_and_its_host() {
        let of = |json: &str| serde_json::from_str::<CallerInfo>(json).unwrap().rights();
        let one =
            r#"{"scopes":["pull","report"],"projects":["*"],"host":"web1","anonymousRead":false}"#;
        assert_eq!(of(one), "pull, report for all projects, as web1");
        let two = r#"{"scopes":["push"],"projects":["acme/*","ops/x"],"anonymousRead":true}"#;
        assert_eq!(of(two), "push for acme/*, ops/x");
    }
}
