//! The revocation: people say which bundles must not be activated again. Their bytes stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::subject::Subject;
use crate::Timestamp;
use crate::log::LogPosition;

/// An in-toto statement that stops bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationStatement {
    /// [`STATEMENT_TYPE`](super::STATEMENT_TYPE).
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// 1 to 64 bundles of one project.
    #[schemars(length(min = 1, max = 64))]
    pub subject: Vec<Subject>,
    /// [`REVOCATION_TYPE`](super::REVOCATION_TYPE).
    pub predicate_type: String,
    /// How severe, and why.
    pub predicate: RevocationPredicate,
}

/// How severe, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationPredicate {
    /// Whether installers refuse or warn.
    pub severity: Severity,
    /// Why, in the signer's words. Permanent.
    pub reason: String,
    /// The history that the signer had verified.
    pub log: LogPosition,
    /// When it was signed. For people.
    pub issued_at: Timestamp,
}

/// What installers do with a revoked bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Refuse to activate it.
    Block,
    /// Say so, and go on.
    Warn,
}
