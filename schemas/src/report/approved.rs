//! `bulla approve --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pending::PendingReport;
use super::proposal::ProposalReport;

/// A statement that somebody approves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovedReport {
    /// The statement.
    pub proposal: PendingReport,
    /// What it changes on the servers; absent where it points the channel to nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ProposalReport>,
    /// What the policy says before it and not after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// What the policy says after it and not before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub come: Vec<String>,
    /// Its entry in the log, once enough people have signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}
