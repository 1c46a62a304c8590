//! `bulla-installer status --json` and `bulla-installer verify --json`

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Difference, FailedAttempt, Hold, Leftover, MissingPath, Quarantined, SetAside, Waiting,
};
use crate::units::rough_time;
use crate::{ChannelName, Digest, ProjectName, Timestamp};

/// What was observed of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectStatus {
    /// The project.
    pub project: ProjectName,
    /// The channel that is followed: the host file's, else that of the last install.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// The release that `current` points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Digest>,
    /// Its revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When it was activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Timestamp>,
    /// What the channel pointed to when the log was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Digest>,
    /// How the two compare.
    pub standing: Standing,
    /// What keeps the server on a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What the head is not made live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Why the live release failed here, where it stayed live all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The last attempt to make the head live, where it failed before anything was changed, or could
    /// not even begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<FailedAttempt>,
    /// Since when the server may be out of its load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<Drained>,
    /// Releases that failed here and are not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantine: Vec<Quarantined>,
    /// What differs in the live tree from the release; absent when that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differences: Option<Vec<Difference>>,
    /// Trees that were changed by hand and are kept until a person removes them.
    pub set_aside: Vec<SetAside>,
    /// Persistent paths at which nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingPath>,
    /// What is wrong with the live tree, `current`, or another file or folder of the project, and why
    /// the installer that the release carries is not the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What no release needs and could not be removed; every install tries again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// When the log was last read from the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<Timestamp>,
    /// Why the agent could not read the log since then; absent where it could, or no agent asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// The registries that were behind another one when the log was last read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<BehindRegistry>,
    /// Why nothing new is installed, where what is known of the log is older than the channel takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Stale>,
}

/// A log that witnesses have not vouched for lately, so that nothing new is installed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stale {
    /// When as many witnesses as have to last vouched for what this server knows of it; absent where
    /// they never did, or only at times that do not count here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnessed_at: Option<Timestamp>,
    /// The time that this was judged at: the server's clock, or a later one of witnesses.
    pub now: Timestamp,
    /// How many seconds ago it may have been.
    pub max_age: u64,
    /// How many witnesses have to vouch.
    pub quorum: u32,
}

impl fmt::Display for Stale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.witnessed_at {
            _ if self.quorum == 0 => {
                formatter
                    .write_str("the channel asks for a fresh log, and the policy names no witness who could say that it is")?;
            }
            None => formatter.write_str("no witness vouches for the log at a time that counts")?,
            Some(at) => {
                let age = self.now.as_seconds().saturating_sub(at.as_seconds());
                let age = rough_time(age.cast_unsigned());
                write!(
                    formatter,
                    "witnesses vouched for the log {age} ago, at {at}"
                )?;
            }
        }
        write!(formatter, ", and {} is the most", rough_time(self.max_age))
    }
}

/// A registry whose log is shorter than the one that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BehindRegistry {
    /// Its address.
    pub url: String,
    /// How many entries it does not have.
    pub entries: u64,
    /// When that was first seen, by this server's clock; it was never seen to have all since.
    pub since: Timestamp,
}

/// A log that the agent could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unread {
    /// When it first failed to read it, by this server's clock.
    pub since: Timestamp,
    /// How often it has asked since.
    pub times: u64,
    /// When it last did.
    pub last_at: Timestamp,
    /// What came of that.
    pub reason: String,
}

/// How the live release compares with the channel's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The head is live.
    UpToDate,
    /// The head is not live yet: the wave or window of this server has not come, or people paused the
    /// channel.
    Waiting,
    /// Another release is live, and nothing keeps the head back.
    Behind,
    /// A person holds the server on a release.
    Held,
    /// The head, or what is live, failed here, or this server cannot take the head.
    Failed,
    /// People revoked the live release.
    Revoked,
    /// Nothing is live.
    NotInstalled,
    /// The log says nothing about the channel.
    Unknown,
}

impl std::fmt::Display for Standing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::UpToDate => "current",
            Self::Waiting => "waiting",
            Self::Behind => "behind",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
            Self::NotInstalled => "not installed",
            Self::Unknown => "unknown",
        })
    }
}

/// A server that may be out of its load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drained {
    /// Since when, by this server's clock.
    pub since: Timestamp,
    /// Why it was not put back; absent while nothing has tried to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// The project.
    pub project: ProjectName,
    /// The live release.
    pub hash: Digest,
    /// How many files the release has.
    pub files: u64,
    /// What is not as it should be, by path.
    pub differences: Vec<Difference>,
    /// Where something is mounted in the tree. What that covers is not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounted: Vec<String>,
    /// Persistent paths at which nothing is.
    pub missing: Vec<MissingPath>,
}
