//! The OCI image manifest of a bundle. The sha256 of its bytes is the release's hash.
//!
//! There is one possible text for a manifest: compact JSON, keys in the order of the OCI image
//! specification, annotations sorted. It is written once and never re-serialised.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, media_type};

/// Annotation with the revision's commit time; never the time of packing.
pub const CREATED: &str = "org.opencontainers.image.created";
/// Annotation with the revision.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// Annotation with a bare file name for tools that write layers to files.
pub const TITLE: &str = "org.opencontainers.image.title";

/// The manifest of a bundle (OCI image-spec 1.1, `manifest.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Always [`media_type::OCI_MANIFEST`].
    pub media_type: String,
    /// Always [`media_type::BUNDLE`].
    pub artifact_type: String,
    /// The release document.
    pub config: Descriptor,
    /// Payload, index and frame table, in this order.
    pub layers: [Descriptor; 3],
    /// Commit time and revision.
    pub annotations: BTreeMap<String, String>,
}

/// What a blob is, by digest and size in bytes (OCI image-spec 1.1, `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Descriptor {
    /// The blob's media type, without parameters.
    pub media_type: String,
    /// The sha256 of the blob.
    pub digest: Digest,
    /// The blob's size in bytes.
    pub size: u64,
    /// The blob's title, where it has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are not the manifest of a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not the JSON of a bundle's manifest.
    #[error("the manifest is not a bundle's")]
    Json(#[source] serde_json::Error),
    /// The JSON could be written in another way.
    #[error("the manifest is not in canonical form")]
    NotCanonical,
    /// A media type stands where another belongs.
    #[error("expected {expected} as the manifest's {place}, found {found:?}")]
    MediaType {
        /// Which descriptor or field.
        place: &'static str,
        /// The one media type allowed there.
        expected: &'static str,
        /// What stood there.
        found: String,
    },
    /// Another schema version.
    #[error("expected schemaVersion 2, found {0}")]
    SchemaVersion(u32),
}

impl Manifest {
    /// Most bytes in a manifest.
    pub const MAX_LEN: u64 = 4 * 1024 * 1024;

    /// Puts the four parts together.
    pub fn new(
        config: Descriptor,
        layers: [Descriptor; 3],
        annotations: BTreeMap<String, String>,
    ) -> Self {
        Self {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST.to_owned(),
            artifact_type: media_type::BUNDLE.to_owned(),
            config,
            layers,
            annotations,
        }
    }

    /// Writes the one possible text.
    #[expect(
        clippy::missing_panics_doc,
        reason = "serialising strings and numbers cannot fail"
    )]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest is strings and numbers")
    }

    /// Reads a manifest and refuses every text but the one that [`Self::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        if manifest.schema_version != 2 {
            return Err(ManifestError::SchemaVersion(manifest.schema_version));
        }
        let [payload, index, frames] = &manifest.layers;
        for (place, expected, found) in [
            ("mediaType", media_type::OCI_MANIFEST, &manifest.media_type),
            ("artifactType", media_type::BUNDLE, &manifest.artifact_type),
            ("config", media_type::RELEASE, &manifest.config.media_type),
            ("layers[0]", media_type::PAYLOAD, &payload.media_type),
            ("layers[1]", media_type::INDEX, &index.media_type),
            ("layers[2]", media_type::FRAMES, &frames.media_type),
        ] {
            if found != expected {
                return Err(ManifestError::MediaType {
                    place,
                    expected,
                    found: found.clone(),
                });
            }
        }
        if manifest.to_bytes() == bytes {
            Ok(manifest)
        } else {
            Err(ManifestError::NotCanonical)
        }
    }

    /// The payload: the canonical tar in zstd frames.
    pub fn payload(&self) -> &Descriptor {
        &self.layers[0]
    }

    /// The index: one JSON line per entry.
    pub fn index(&self) -> &Descriptor {
        &self.layers[1]
    }

    /// The frame table.
    pub fn frames(&self) -> &Descriptor {
        &self.layers[2]
    }

    /// Returns the bytes of the manifest and all blobs it names: the size in a release statement.
    pub fn total_size(&self) -> Option<u64> {
        self.layers
            .iter()
            .chain([&self.config])
            .try_fold(self.to_bytes().len() as u64, |sum, blob| {
                sum.checked_add(blob.size)
            })
    }
}
