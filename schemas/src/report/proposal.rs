//! `bulla promote --json` and `bulla rollback --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pending::ProposedReport;
use super::wave::WaveServers;
use crate::api::{Change, DiffTotals, InstallChanges, Promotion};
use crate::release::short_revision;
use crate::statement::{Build, Waves};
use crate::{ChannelName, Digest, HostName, Name, ProjectName, Timestamp};

/// What pointing a channel to a release changes, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProposalReport {
    /// The project.
    pub project: ProjectName,
    /// The channel.
    pub channel: ChannelName,
    /// The release.
    pub hash: Digest,
    /// What changes; absent when that cannot be told, or nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// Why there is no preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<String>,
    /// When the waves after the first may go; absent when all servers go at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves: Option<Waves>,
    /// How many servers have reported in which wave they are, of a promotion in waves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<WaveServers>,
    /// Of a rollback that names no head: later ones that the registry does not have any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// Of a rollback: the servers that say that the release failed there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_on: Vec<HostName>,
    /// Of a rollback: the servers that wait for their wave, because the release is new there or
    /// failed there, as far as they have reported what is live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<HostName>,
    /// Why the servers could not be asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<String>,
    /// Whether servers go past their maintenance windows, where the action alone says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent: Option<bool>,
    /// Whether the release contains what is live.
    pub contains_live: ContainsLive,
    /// What is live and not in the release; the live release when that is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// How many git commits, promoted or not, are live and not in the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_commits: Option<u64>,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
    /// The entry of the log that points the channel to the release; absent when nothing was signed, or
    /// not by enough people yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// What was signed and waits for others; absent where one signature is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<ProposedReport>,
}

/// A release that servers could not fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PassedOver {
    /// The release.
    pub hash: Digest,
    /// What the registry does not have of it, and why, as far as that is known.
    pub reason: String,
}

/// Whether a release contains what is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainsLive {
    /// It does, or nothing is live.
    Yes,
    /// It does not.
    No,
    /// That cannot be known here.
    Unknown,
}

/// How a release differs from the one that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preview {
    /// What is live; absent when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The release.
    pub to: Digest,
    /// Its commit id or revision number.
    pub revision: String,
    /// How its build ran; absent when the recipe has none.
    #[serde(default, skip_serializing_if = "Build::is_none")]
    pub build: Build,
    /// Who built it first.
    pub built_by: Vec<Name>,
    /// Who else built the same bytes.
    pub reproduced_by: Vec<Name>,
    /// The paths that differ; every path when nothing is live.
    pub changes: Vec<Change>,
    /// How many they are, and their bytes.
    pub totals: DiffTotals,
    /// What differs in how the releases are installed.
    #[serde(default, skip_serializing_if = "InstallChanges::is_empty")]
    pub install: InstallChanges,
}

/// A release that was promoted to a channel and would be live no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dropped {
    /// The release.
    pub hash: Digest,
    /// Its commit id or revision number.
    pub revision: String,
    /// The branch or tag, or the path in an svn repository.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Who promoted it.
    pub people: Vec<Name>,
    /// Why, in their words.
    pub reason: String,
    /// When it was signed, as the signer says.
    pub issued_at: Timestamp,
    /// The entry of the log.
    pub entry: u64,
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let people: Vec<_> = self.people.iter().map(Name::as_str).collect();
        write!(
            formatter,
            "{} ({}, promoted by {} on {}: {})",
            self.hash.short(),
            short_revision(&self.revision),
            people.join(", "),
            self.issued_at,
            self.reason
        )
    }
}

/// A head that a channel can go back to: the last promotion that pointed to it, and why it was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlierHead {
    /// The promotion.
    #[serde(flatten)]
    pub promotion: Promotion,
    /// The promotion, or the rollback, by which the channel left it.
    pub left: Promotion,
    /// Whether the registry still has the bundle. A server may have it on its disk.
    pub in_registry: bool,
    /// Whether a rollback that names no head goes there.
    pub default: bool,
}
