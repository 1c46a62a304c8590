//! What the registry reads of any manifest: images, indexes, artifacts, Docker's forms. The bytes
//! are kept as they came.

use std::collections::BTreeMap;

use bulla_schemas::media_type;
use serde::Deserialize;

use crate::oci::digest::{OciDigest, OciDigestError};

/// A manifest or an index, as far as a registry cares.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    #[serde(default)]
    urls: Vec<String>,
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("not the JSON of a manifest")]
    Json(#[source] serde_json::Error),
    #[error("expected schemaVersion 2, found {0}")]
    SchemaVersion(u32),
    #[error("pushed as {pushed:?}, but its mediaType is {found:?}")]
    MediaType { pushed: String, found: String },
    #[error("no media type: neither a Content-Type nor a mediaType")]
    NoMediaType,
    #[error("a descriptor without a digest")]
    Digest(#[source] OciDigestError),
}

impl Document {
    /// Reads a manifest. `pushed` is the request's `Content-Type`.
    pub(crate) fn read(
        bytes: &[u8],
        pushed: Option<&str>,
    ) -> Result<(Self, String), DocumentError> {
        let document: Self = serde_json::from_slice(bytes).map_err(DocumentError::Json)?;
        if document.schema_version != 2 {
            return Err(DocumentError::SchemaVersion(document.schema_version));
        }
        let pushed = pushed
            .map(|value| value.split(';').next().unwrap_or_default().trim())
            .filter(|value| !value.is_empty());
        let media_type = match (pushed, &document.media_type) {
            (Some(pushed), Some(found)) if pushed != found => {
                return Err(DocumentError::MediaType {
                    pushed: pushed.to_owned(),
                    found: found.clone(),
                });
            }
            (Some(media_type), _) => media_type.to_owned(),
            (None, Some(media_type)) => media_type.clone(),
            (None, None) => return Err(DocumentError::NoMediaType),
        };
        Ok((document, media_type))
    }

    /// Tells whether it says that it is a bundle.
    pub(crate) fn is_bundle(&self) -> bool {
        self.artifact_type.as_deref() == Some(media_type::BUNDLE)
    }

    /// What lists of referrers show as its type: its own, or its config's.
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        self.artifact_type
            .as_deref()
            .filter(|kind| !kind.is_empty())
            .or_else(|| Some(self.config.as_ref()?.media_type.as_str()))
    }

    /// Returns the manifest that it is about.
    pub(crate) fn subject(&self) -> Result<Option<OciDigest>, DocumentError> {
        self.subject.as_ref().map(Descriptor::digest).transpose()
    }

    /// Returns its annotations.
    pub(crate) fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// Returns the blobs that must be there. Layers that lie elsewhere need not.
    pub(crate) fn blobs(&self) -> Result<Vec<OciDigest>, DocumentError> {
        self.config
            .iter()
            .chain(&self.layers)
            .filter(|blob| !blob.is_elsewhere())
            .map(Descriptor::digest)
            .collect()
    }

    /// Returns the manifests that must be there.
    pub(crate) fn manifests(&self) -> Result<Vec<OciDigest>, DocumentError> {
        self.manifests.iter().map(Descriptor::digest).collect()
    }
}

impl Descriptor {
    fn digest(&self) -> Result<OciDigest, DocumentError> {
        self.digest.parse().map_err(DocumentError::Digest)
    }

    fn is_elsewhere(&self) -> bool {
        !self.urls.is_empty()
            || self.media_type.contains(".nondistributable.")
            || self.media_type.contains(".foreign.")
    }
}
