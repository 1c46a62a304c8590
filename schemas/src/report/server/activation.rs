//! `bulla-installer history --json`, and what a rollback leaves behind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::log::LogPosition;
use crate::{ChannelName, Digest, Name, Timestamp};

/// One time that a release was made live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Activation {
    /// Counts this project's activations on this server, from 1.
    pub number: u64,
    /// What was asked for.
    pub action: ActivationAction,
    /// The release that was made live.
    pub hash: Digest,
    /// The release that was live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The revision that the release was packed from.
    pub revision: String,
    /// When it was activated, by this server's clock.
    pub activated_at: Timestamp,
    /// The promotion that the release came by.
    pub promotion: PromotionRecord,
    /// How far the verified log had come.
    pub log: LogPosition,
    /// Who asked for it on this server, where that was a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationAction {
    /// The head of a channel was installed.
    Install,
    /// An earlier head was installed, because a person on the server said so.
    PinOld,
    /// A release was gone back to on this server.
    Rollback,
    /// It was not written down, or that was lost: found on this disk afterwards.
    Recovered,
}

impl std::fmt::Display for ActivationAction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Install => "install",
            Self::PinOld => "pin-old",
            Self::Rollback => "rollback",
            Self::Recovered => "recovered",
        })
    }
}

/// The promotion by which a release came to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromotionRecord {
    /// The channel.
    pub channel: ChannelName,
    /// The channel's count of promotions.
    pub seq: u64,
    /// The index of the promotion in the log.
    pub entry: u64,
    /// Who promoted it.
    pub people: Vec<Name>,
    /// Why, in their words.
    pub reason: String,
    /// When they signed.
    pub issued_at: Timestamp,
}

/// Why a server stays on a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hold {
    /// The release that was gone back to.
    pub hash: Digest,
    /// The release that was left.
    pub left: Digest,
    /// Since when, by this server's clock.
    pub since: Timestamp,
    /// Who rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
