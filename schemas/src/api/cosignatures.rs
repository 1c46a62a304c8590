//! What witnesses said of the log, at `/log/cosignatures`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The log's checkpoints, signed notes (C2SP tlog-checkpoint) with the cosignatures that they have so
/// far. Nothing here is trusted: every signature is in the notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cosignatures {
    /// The one that servers go by: the newest that as many witnesses cosigned as the policy asks for.
    pub witnessed: String,
    /// Larger ones that some witnesses cosigned and others have to, smallest first.
    pub waiting: Vec<String>,
    /// The newest one.
    pub newest: String,
}

/// What became of a cosignature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CosignatureReceipt {
    /// How many entries the cosigned checkpoint covers.
    pub size: u64,
    /// How many witnesses cosigned it by now.
    pub cosigned: u32,
    /// How many have to.
    pub quorum: u32,
    /// How many entries servers are shown now; absent where nothing is known of witnesses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<u64>,
}
