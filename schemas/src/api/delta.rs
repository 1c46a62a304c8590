//! Deltas between bundles, below `/v2/{project}/_bulla/delta`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// Two bundles of a project, by their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeltaRequest {
    /// The one that is there.
    pub have: Digest,
    /// The one that is wanted.
    pub want: Digest,
}
