//! The policy: who may do what. One small document, reviewable in a diff; a new version replaces
//! the whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::log::LogPosition;
use crate::{Digest, Name};

/// Who may do what, from this entry of the log on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// One more than the policy before; the first is 1.
    pub version: u64,
    /// The sha256 of the payload of the policy before; zeros for the first.
    #[serde(with = "crate::digest::hex")]
    #[schemars(schema_with = "crate::digest::hex_schema")]
    pub prev: Digest,
    /// The log's name, which never changes: `releases.acme.example/bulla`.
    pub origin: String,
    /// The history that the signers had verified.
    pub log: LogPosition,
    /// The people, with their keys as OpenSSH writes them.
    pub people: Vec<Person>,
    /// Who may change the policy.
    pub root: Root,
    /// The builders and what each may release.
    pub builders: Vec<BuilderRule>,
    /// Who may move which channels; the first rule that matches decides; without a match nobody may.
    pub channels: Vec<ChannelRule>,
    /// The log's keys, as C2SP verifier keys (`name+hash+base64`).
    pub log_keys: Vec<String>,
    /// Who cosigns checkpoints.
    pub witnesses: Witnesses,
}

/// A person and their keys. Thresholds count people, not keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person's name.
    pub name: Name,
    /// `ssh-ed25519` or `sk-ssh-ed25519@openssh.com` keys: type, a space, base64; no comment.
    pub keys: Vec<String>,
}

/// Who may change the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The people.
    pub people: Vec<Name>,
    /// How many of them must sign.
    pub threshold: u32,
}

/// A builder and what it may release. Patterns may end in `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuilderRule {
    /// The builder's name.
    pub name: Name,
    /// Its `ssh-ed25519` key.
    pub key: String,
    /// What its statements say as `builder.id`.
    pub builder_id: String,
    /// Projects it may release.
    pub projects: Vec<String>,
    /// Sources it may release from.
    pub sources: Vec<String>,
    /// Refs it may release.
    pub refs: Vec<String>,
}

impl BuilderRule {
    /// Returns what a builder's statements say as `builder.id` where nobody chose anything else.
    pub fn usual_id(name: &Name) -> String {
        format!("urn:bulla:builder:{name}")
    }
}

/// Who may move a channel. Patterns may end in `*`; `*` among the people is everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelRule {
    /// Projects the rule is for.
    pub project: String,
    /// Channels the rule is for.
    pub channel: String,
    /// People who may sign.
    pub people: Vec<String>,
    /// Builders that may sign.
    pub builders: Vec<Name>,
    /// How many signers a promotion needs.
    pub threshold: u32,
    /// A channel that must have pointed to the bundle before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<crate::ChannelName>,
    /// How many seconds the newest cosigned checkpoint may be old for a new activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
}

/// Who cosigns checkpoints, and how many must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    /// The witnesses' keys, as C2SP verifier keys.
    pub keys: Vec<String>,
    /// How many must cosign.
    pub quorum: u32,
}
