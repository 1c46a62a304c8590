//! The header of a delta: one line in front of the documents of the wanted bundle.
//!
//! ```text
//! {"format":1,"manifest":1310,"release":702,"frames":2411,"index":[{"n":0,"f":[0,1]}],"payload":[{"n":3,"f":[3,5]},{"n":4}]}
//! ```
//!
//! What the pieces are, and what must hold for them, says `bulla-bundle`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first line of a delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeltaHeader {
    /// The format of deltas, 1.
    pub format: u32,
    /// Size of the wanted manifest in bytes.
    pub manifest: u64,
    /// Size of the wanted release document in bytes.
    pub release: u64,
    /// Size of the wanted frame table in bytes, uncompressed.
    pub frames: u64,
    /// Pieces of the index, in the order of their positions.
    pub index: Vec<PieceLine>,
    /// Pieces of the payload, in the order of their positions.
    pub payload: Vec<PieceLine>,
}

impl DeltaHeader {
    /// The format that this program reads and writes.
    pub const FORMAT: u32 = 1;
}

/// One frame of the wanted index or payload that comes with the delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PieceLine {
    /// Its position in the wanted bundle, from 0.
    #[serde(rename = "n")]
    pub position: u64,
    /// The frames of the other bundle whose contents are its dictionary: the first, and the one
    /// behind the last. Without them it is the frame itself.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub from: Option<[u64; 2]>,
}
