//! Which files stand in a `.bulla` file, and what is said in `index.json`.

use bulla_schemas::Digest;
use bulla_schemas::media_type;
use serde::{Deserialize, Serialize};

use super::error::BundleFileError;

pub(super) const LAYOUT_PATH: &str = "oci-layout";
pub(super) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(super) const INDEX_PATH: &str = "index.json";
pub(super) const CHECKPOINT_PATH: &str = "bulla/checkpoint";
/// Most bytes in a checkpoint, far more than any number of signatures needs.
pub(super) const CHECKPOINT_MAX: u64 = 1024 * 1024;
/// Most bytes in an entry of the log, which C2SP tiles hold to 16 bits.
pub(super) const ENTRY_MAX: u64 = 65_535;

/// What is needed of a log to judge a bundle without network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogCopy {
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
    /// All entries that it covers, from the first.
    pub entries: Vec<Vec<u8>>,
}

/// `index.json`: OCI image-spec 1.1, `image-layout.md`, for exactly one bundle.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LayoutIndex {
    schema_version: u32,
    media_type: String,
    manifests: [LayoutManifest; 1],
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LayoutManifest {
    media_type: String,
    digest: Digest,
    size: u64,
    artifact_type: String,
}

impl LayoutIndex {
    pub(super) fn new(digest: Digest, size: u64) -> Self {
        Self {
            schema_version: 2,
            media_type: media_type::OCI_INDEX.to_owned(),
            manifests: [LayoutManifest {
                media_type: media_type::OCI_MANIFEST.to_owned(),
                digest,
                size,
                artifact_type: media_type::BUNDLE.to_owned(),
            }],
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Infallible: strings and numbers.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns digest and size of the manifest; refuses every text but the one possible.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Digest, u64), BundleFileError> {
        let index: Self =
            serde_json::from_slice(bytes).map_err(|error| BundleFileError::Index(Some(error)))?;
        let [LayoutManifest { digest, size, .. }] = index.manifests;
        if Self::new(digest, size).to_bytes() == bytes {
            Ok((digest, size))
        } else {
            Err(BundleFileError::Index(None))
        }
    }
}

pub(super) fn blob_path(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

pub(super) fn entry_path(position: usize) -> String {
    format!("bulla/entries/{position:012}")
}
