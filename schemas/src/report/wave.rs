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
    /// When the promotion or rollback was signed, as the signer says.
    pub promoted_at: Timestamp,
    /// The last wave that people let go.
    pub open: Wave,
    /// The last wave that may go by now, where its time has come and people have not let it go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_up_to: Option<Wave>,
    /// Whether all waves may go of those that servers have reported to be in, and the release is live
    /// on all of these servers but those that are held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
    /// Whether the channel was rolled back to the release. Servers that had it go at once, and so do
    /// those on which a release is live that was taken out; the others go as it was promoted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
    /// Whether people paused the channel, so that no server goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
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
    /// When their time comes by itself; absent where an earlier wave failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The earlier wave in which the release failed, so that its servers wait until people let them
    /// go, or let more waves go where they had done that before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<Wave>,
    /// How many servers are in it.
    pub servers: u64,
    /// How many of them say that the release is live there.
    pub current: u64,
    /// Those that say that it failed there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedServer>,
    /// Those that may go and say that they wait, such as for their window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WaitingServer>,
    /// Those that may go, and have not for no reason that they say: most are about to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<HostName>,
    /// Those that a person there keeps on another release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HostName>,
    /// Those that have not reported for long. What else is told of them is what they said last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<HostName>,
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

/// A server that says that it waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitingServer {
    /// The server.
    pub host: HostName,
    /// For what, in its words.
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
