//! `bulla audit --json` and `bulla policy history --json`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statement::{Action, Severity};
use crate::{ChannelName, Digest, Name, ProjectName, Timestamp};

/// An entry of the log, who signed it, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditEntry {
    /// Its place in the log, which is proven.
    pub entry: u64,
    /// What it is.
    pub kind: EntryKind,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The channel that a promotion moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// What a promotion does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// What a revocation has servers do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The version of a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The releases that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<AuditedRelease>,
    /// Who signed it.
    pub signers: Vec<EntrySigner>,
    /// Whether it had an effect.
    pub effective: bool,
    /// Why it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The reason that people gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was signed, as the signer says; nothing proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
}

/// What an entry of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// Who may do what.
    Policy,
    /// A builder made a bundle.
    Release,
    /// A channel was moved, paused or widened.
    Promotion,
    /// Releases must not be made live again.
    Revocation,
    /// Nothing that this program knows.
    Unknown,
}

impl std::fmt::Display for EntryKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Policy => "policy",
            Self::Release => "release",
            Self::Promotion => "promotion",
            Self::Revocation => "revocation",
            Self::Unknown => "unknown",
        })
    }
}

/// A release that an entry is about, and where it is at the end of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditedRelease {
    /// The release.
    pub hash: Digest,
    /// The channels that point to it now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heads: Vec<ChannelName>,
    /// What people say of it by now; absent while nobody has revoked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Severity>,
}

/// A signature of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntrySigner {
    /// The fingerprint of the key that the signature names.
    pub key: String,
    /// Whose key it is by the policy in effect there; absent where the policy does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Whether that is a person or a builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<SignerRole>,
    /// Whether the signature counts.
    pub signature: SignatureStanding,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignerRole {
    /// A person's.
    Person,
    /// A builder's.
    Builder,
}

/// What a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignatureStanding {
    /// Made with the key over this statement.
    Right,
    /// Not made with the key, or over something else.
    Wrong,
    /// Not verified: the policy does not know the key, so it counts for nothing.
    UnknownKey,
}

/// A policy that took effect, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyVersionReport {
    /// Its number.
    pub version: u64,
    /// Its place in the log.
    pub entry: u64,
    /// Who signed it.
    pub signers: Vec<EntrySigner>,
    /// When the last dated statement before it was signed, as its signer says. A policy has no date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
    /// When the first dated statement behind it was signed, as its signer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// What was so before and is not any more, in words.
    pub removed: Vec<String>,
    /// What is so since, in words.
    pub added: Vec<String>,
}
