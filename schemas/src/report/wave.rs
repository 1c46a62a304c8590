//! `bulla wave --json`, and what other reports say of waves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statement::{Wave, Waves};
use crate::{ChannelName, Digest, HostName, ProjectName, Timestamp};

/// How far a promotion in waves has come: what the verified log lets go, and what servers say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaveReport {
    /// The project.
    pub project: ProjectName,
    /// The channel.
    pub channel: ChannelName,
    /// The release that it points to.
    pub hash: Digest,
    /// When the waves after the first may go.
    pub waves: Waves,
    /// When the promotion was signed, as the signer says.
    pub promoted_at: Timestamp,
    /// The last wave that people let go.
    pub open: Wave,
    /// The waves in which servers have reported that they are.
    pub steps: Vec<WaveStep>,
    /// The entry of the log that lets a further wave go; absent when nothing was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

/// How one wave stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaveStep {
    /// The wave.
    pub wave: Wave,
    /// Whether its servers may go.
    pub may_go: bool,
    /// When their time comes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// How many servers are in it.
    pub servers: u64,
    /// How many of them say that the release is live there.
    pub current: u64,
    /// Those that say that it failed there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedServer>,
}

/// A server that says that a release failed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailedServer {
    /// The server.
    pub host: HostName,
    /// Why, in its words.
    pub reason: String,
}

/// How many servers have reported that they are in a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaveServers {
    /// The wave.
    pub wave: Wave,
    /// How many.
    pub servers: u64,
}
