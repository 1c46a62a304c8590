//! The promotion: people say which bundle a channel points to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rollout::{Wave, Waves};
use super::subject::Subject;
use crate::log::LogPosition;
use crate::{ChannelName, Digest, ProjectName, Timestamp};

/// An in-toto statement that moves a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromotionStatement {
    /// [`STATEMENT_TYPE`](super::STATEMENT_TYPE).
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The one bundle.
    pub subject: [Subject; 1],
    /// [`PROMOTION_TYPE`](super::PROMOTION_TYPE).
    pub predicate_type: String,
    /// Which channel, and after which head.
    pub predicate: PromotionPredicate,
}

/// Which channel moves, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromotionPredicate {
    /// The project; equals the subject's name.
    pub project: ProjectName,
    /// The channel that moves.
    pub channel: ChannelName,
    /// One more than the channel's last promotion; the first is 1.
    pub seq: u64,
    /// The sha256 of the payload of the channel's last promotion; zeros for the first.
    #[serde(with = "crate::digest::hex")]
    #[schemars(schema_with = "crate::digest::hex_schema")]
    pub prev: Digest,
    /// What happens; the word must match the fact.
    pub action: Action,
    /// When the waves after the first may go, of a `promote`. Left out, all servers go at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves: Option<Waves>,
    /// Whether servers go past their maintenance windows, where the action alone says otherwise:
    /// `true` of a `promote`, `false` of a `rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent: Option<bool>,
    /// The last wave that may go from now on, of a `widen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Wave>,
    /// The history that the signer had verified.
    pub log: LogPosition,
    /// Why, in the signer's words. Permanent.
    pub reason: String,
    /// When it was signed. For people.
    pub issued_at: Timestamp,
}

/// What a promotion does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Points the channel to a bundle that it did not point to before.
    Promote,
    /// Points the channel to one of its earlier heads.
    Rollback,
    /// Leaves the head and stops installers; the subject is the head.
    Pause,
    /// Leaves the head and lets further waves of servers go; the subject is the head.
    Widen,
}

impl std::fmt::Display for Action {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Pause => "pause",
            Self::Widen => "widen",
        })
    }
}
