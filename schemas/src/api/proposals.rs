//! Proposals: statements that wait for further signatures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;
use crate::{Digest, Timestamp};

/// A statement that lacks nothing but signatures. It means nothing before it has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proposal {
    /// The sha256 of the payload.
    pub id: Digest,
    /// The statement and the signatures that it has.
    pub envelope: Envelope,
    /// The fingerprint of a key that had signed it when it came.
    pub proposed_by: String,
    /// When it came.
    pub proposed_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// The entry of the log that it became, once enough people had signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// What the same person had proposed before and gave its place to this one, so that it waits no more;
    /// only where this one comes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub displaced: Vec<Digest>,
}
