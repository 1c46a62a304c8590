//! The frame table: a header line, then a line per zstd frame, payload first, index second.
//!
//! ```text
//! {"format":1,"payload":412,"index":31}
//! {"c":81734,"u":524288,"cd":"9f2c...","ud":"1b7e..."}
//! ```
//!
//! Offsets are prefix sums, so nothing redundant can lie.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// The first line of a frame table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameTableHeader {
    /// The bundle format, 1.
    pub format: u32,
    /// How many frames the payload has.
    pub payload: u64,
    /// How many frames the index has.
    pub index: u64,
}

/// One zstd frame of the payload or of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameRecord {
    /// Size in bytes, compressed.
    #[serde(rename = "c")]
    pub compressed_size: u64,
    /// Size in bytes, uncompressed.
    #[serde(rename = "u")]
    pub size: u64,
    /// The sha256 of the compressed bytes.
    #[serde(rename = "cd", with = "crate::digest::hex")]
    #[schemars(schema_with = "crate::digest::hex_schema")]
    pub compressed_digest: Digest,
    /// The sha256 of the content.
    #[serde(rename = "ud", with = "crate::digest::hex")]
    #[schemars(schema_with = "crate::digest::hex_schema")]
    pub digest: Digest,
}
