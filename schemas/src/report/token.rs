//! `bulla-registry token list --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HostName, Timestamp};

/// A token of a registry, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenReport {
    /// What it is revoked by.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it may do: `pull`, `push`, `report` or `admin`.
    pub scopes: Vec<String>,
    /// The projects that it is for, such as `acme/*`.
    pub projects: Vec<String>,
    /// The one host whose reports it may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; absent for one that never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}
