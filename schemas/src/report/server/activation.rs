//! `bulla-installer history --json`, and what a rollback leaves behind. All of it is a server's state,
//! too, where an older installer passes over fields that it does not know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::log::LogPosition;
use crate::outcome::FailureKind;
use crate::{ChannelName, Digest, Name, Timestamp};

/// One time that a release was made live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
    /// Why, in their words; of a return, why the other release was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "ActivationResult::is_activated")]
    pub result: ActivationResult,
    /// Why it failed, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When that was found out, by this server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
    /// The end of what the hook or the check wrote that failed. It can hold secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// What came of an activation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationResult {
    /// The release was made live, and nothing says whether it works.
    #[default]
    Activated,
    /// Its health checks passed.
    Healthy,
    /// A hook or a health check failed after the switch.
    Failed,
}

impl ActivationResult {
    /// Tells whether nothing more is known than that the release was made live.
    pub const fn is_activated(&self) -> bool {
        matches!(self, Self::Activated)
    }
}

impl std::fmt::Display for ActivationResult {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Activated => "activated",
            Self::Healthy => "healthy",
            Self::Failed => "failed",
        })
    }
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
    /// The release before was made live again, because the one after it failed.
    Return,
    /// It was not written down, or that was lost: found on this disk afterwards.
    Recovered,
}

impl std::fmt::Display for ActivationAction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Install => "install",
            Self::PinOld => "pin-old",
            Self::Rollback => "rollback",
            Self::Return => "return",
            Self::Recovered => "recovered",
        })
    }
}

/// The promotion by which a release came to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// What a person did.
    #[serde(default, skip_serializing_if = "HoldKind::is_rollback")]
    pub kind: HoldKind,
    /// The release that the server stays on.
    pub hash: Digest,
    /// The release that was left; the held one itself where none was.
    pub left: Digest,
    /// Since when, by this server's clock.
    pub since: Timestamp,
    /// Who held it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The log's index of the newest promotion that was left here. A later one of the channel ends
    /// the hold; without it only a person does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<u64>,
}

/// What a person did that holds a server on a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKind {
    /// Went back to an earlier release.
    #[default]
    Rollback,
    /// Held the live release.
    Hold,
    /// Named the release that the server is to stay on.
    Pin,
}

impl HoldKind {
    /// Tells whether it is a rollback's.
    pub const fn is_rollback(&self) -> bool {
        matches!(self, Self::Rollback)
    }
}

/// A release that failed on a server and is not tried there again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quarantined {
    /// The release.
    pub hash: Digest,
    /// The number of the activation that failed.
    pub number: u64,
    /// When, by this server's clock.
    pub failed_at: Timestamp,
    /// The channel that it came by.
    pub channel: ChannelName,
    /// The log's index of the promotion that it came by. A later one is tried.
    pub entry: u64,
    /// Why it failed.
    pub reason: String,
}

/// An attempt to make a release live that failed before the switch, or could not even begin: nothing
/// was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// The release.
    pub hash: Digest,
    /// The log's entry of the promotion that brought it; absent in what older versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// The number that its activation would have had; absent where nothing of the release was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The kind of failure.
    #[serde(default = "failed")]
    pub kind: FailureKind,
    /// When, by this server's clock.
    pub failed_at: Timestamp,
    /// When an attempt first failed in this way, where that was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why it failed.
    pub reason: String,
}

/// The kind that attempts were of which older versions wrote down.
const fn failed() -> FailureKind {
    FailureKind::Failed
}
