//! `bulla revoke --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statement::Severity;
use crate::{ChannelName, Digest, HostName, ProjectName};

/// Releases that people revoke, where they are, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationReport {
    /// The project.
    pub project: ProjectName,
    /// Whether servers refuse the releases or warn.
    pub severity: Severity,
    /// The releases.
    pub releases: Vec<RevokedRelease>,
    /// Why the servers could not be asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<String>,
    /// The entry of the log that says so; absent when nothing was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

/// A release that people revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokedRelease {
    /// The release.
    pub hash: Digest,
    /// The channels that point to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heads: Vec<ChannelName>,
    /// The servers that say that it is live there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub live_on: Vec<HostName>,
}
