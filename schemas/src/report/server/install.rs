//! `bulla-installer install --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Hold;
use crate::{ChannelName, Digest, ProjectName, Timestamp};

/// What an install did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallReport {
    /// The project.
    pub project: ProjectName,
    /// The channel that was followed.
    pub channel: ChannelName,
    /// The release that is live, or would be; where nothing is live yet, the one that is waited with.
    pub hash: Digest,
    /// The release that was live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// Whether the live tree is another one than before, or would be: another release, or the same
    /// one written again.
    pub changed: bool,
    /// What kept the server on the release that is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What the channel's head is not made live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// What a server waits for before it makes its channel's head live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiting {
    /// Until when; absent where no time ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// For what.
    pub reason: String,
    /// Whether for people to go on with a channel that they paused, which `install --now` does not
    /// pass.
    #[serde(default, rename = "paused", skip_serializing_if = "std::ops::Not::not")]
    pub is_paused: bool,
}

/// One project of an install of all that a server follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectInstall {
    /// The project.
    pub project: ProjectName,
    /// The channel that the host file follows.
    pub channel: ChannelName,
    /// What was done, or would be; absent where that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<InstallReport>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<InstallFailure>,
}

/// Why an install failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallFailure {
    /// The exit status that an install of this project alone would have.
    pub status: u8,
    /// What happened, and why.
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
