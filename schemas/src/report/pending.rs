//! `bulla pending --json`, and what the commands that sign say of a statement that waits for signatures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statement::Action;
use crate::{ChannelName, Digest, Name, ProjectName, Timestamp};

/// A statement that waits for signatures, as this machine has verified it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PendingReport {
    /// The sha256 of its payload.
    pub id: Digest,
    /// What it would do, in words.
    pub what: String,
    /// The project; absent for a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The channel; absent for a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// What it does with the channel; absent for a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The release; absent for a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Digest>,
    /// The version of the policy; absent for a promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why, in the words of who proposed it; absent for a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who proposed it, as far as the registry says so; absent where their signature counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_by: Option<Name>,
    /// When it came, by the registry's clock.
    pub proposed_at: Timestamp,
    /// When the registry forgets it.
    pub expires_at: Timestamp,
    /// Who decides, and who has signed. A policy is decided about by its own root too, where that is
    /// another one than that in effect.
    pub approvals: Vec<ApprovalReport>,
    /// Why it cannot take effect any more; absent while it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}

/// Who decides about something, and who of them has signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalReport {
    /// What is decided about.
    pub what: String,
    /// How many people have to sign.
    pub needed: u32,
    /// Who has.
    pub signed: Vec<Name>,
    /// Who may and has not; nobody once enough have.
    pub asked: Vec<Name>,
}

/// What was signed and waits for further signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProposedReport {
    /// What `bulla approve` takes.
    pub id: Digest,
    /// When the registry forgets it.
    pub expires_at: Timestamp,
    /// Who decides, and who has signed.
    pub approvals: Vec<ApprovalReport>,
}
