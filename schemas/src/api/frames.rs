//! Frames of blobs, below `/v2/{project}/_bulla/frames`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// One zstd frame of a blob, as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlobFrame {
    /// The sha256 of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}

/// The frames of a blob, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlobFrames {
    /// The frames: all bytes of the blob.
    pub frames: Vec<BlobFrame>,
}

/// Which of the frames that were asked for the project does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingFrames {
    /// Their positions in the list that was sent, from 0, in ascending order.
    pub missing: Vec<usize>,
}
