//! What the registry reads of a manifest or an index, OCI's or Docker's. The bytes are kept as they
//! came.
//!
//! What is refused is what two readers could understand differently (distribution's
//! CVE-2021-41190, "ambiguous manifest") or what no client could fetch afterwards.

use std::collections::{BTreeMap, BTreeSet};

use bulla_schemas::media_type::{self, DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use serde::Deserialize;

use crate::oci::descriptor::{Descriptor, DescriptorError, Fields, MAX_MEDIA_TYPE};
use crate::oci::digest::OciDigest;

/// A manifest or an index whose form has been checked, as far as a registry cares.
#[derive(Debug)]
pub(crate) struct Document {
    media_type: String,
    artifact_type: Option<String>,
    config_type: Option<String>,
    blobs: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
}

/// The JSON, before anything but its types is checked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Fields>,
    layers: Option<Vec<Fields>>,
    manifests: Option<Vec<Fields>>,
    subject: Option<Fields>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The two forms, each with what it must and must not have (image-spec 1.1, `manifest.md` and
/// `image-index.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A config and layers.
    Manifest,
    /// Manifests.
    Index,
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("expected UTF-8, found another byte at offset {0}")]
    Encoding(usize),
    #[error("not the JSON of a manifest")]
    Json(#[source] serde_json::Error),
    #[error("expected schemaVersion 2, found {0}")]
    SchemaVersion(u32),
    #[error("pushed as {pushed:?}, but its mediaType is {found:?}")]
    MediaType { pushed: String, found: String },
    #[error("no media type: neither a Content-Type nor a mediaType")]
    NoMediaType,
    #[error("expected the media type of a manifest or an index of OCI or Docker, found {0:?}")]
    NotAManifest(String),
    #[error("expected an artifactType of at most {MAX_MEDIA_TYPE} characters, found {0}")]
    ArtifactType(usize),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} does not belong into {1:?}")]
    Ambiguous(&'static str, String),
    #[error("{place} is not valid")]
    Descriptor {
        place: String,
        #[source]
        source: DescriptorError,
    },
}

/// Tells whether a manifest of this artifact type is made of a statement of the log, by the registry.
pub(crate) fn is_statement(artifact_type: Option<&str>) -> bool {
    artifact_type == Some(media_type::SIGSTORE_BUNDLE)
}

impl Document {
    /// Reads a manifest. `pushed` is the request's `Content-Type`.
    pub(crate) fn read(bytes: &[u8], pushed: Option<&str>) -> Result<Self, DocumentError> {
        // serde_json does not look at the bytes of fields that it passes over.
        let text = std::str::from_utf8(bytes)
            .map_err(|error| DocumentError::Encoding(error.valid_up_to()))?;
        let json: Json = serde_json::from_str(text).map_err(DocumentError::Json)?;
        if json.schema_version != 2 {
            return Err(DocumentError::SchemaVersion(json.schema_version));
        }
        // Every list of referrers shows it.
        let artifact_type = json.artifact_type.as_ref().map_or(0, String::len);
        if artifact_type > MAX_MEDIA_TYPE {
            return Err(DocumentError::ArtifactType(artifact_type));
        }
        let media_type = media_type_of(pushed, json.media_type.as_deref())?;
        match form(&media_type)? {
            Form::Manifest => Self::manifest(media_type, json),
            Form::Index => Self::index(media_type, json),
        }
    }

    fn manifest(media_type: String, json: Json) -> Result<Self, DocumentError> {
        if json.manifests.is_some() {
            return Err(DocumentError::Ambiguous("manifests", media_type));
        }
        let config = json.config.ok_or(DocumentError::Missing("config"))?;
        let layers = json.layers.ok_or(DocumentError::Missing("layers"))?;
        let config = check("config".to_owned(), config)?;
        let config_type = Some(config.media_type().to_owned());
        let mut blobs = vec![config];
        for (position, layer) in layers.into_iter().enumerate() {
            blobs.push(check(format!("layers[{position}]"), layer)?);
        }
        Ok(Self {
            media_type,
            artifact_type: json.artifact_type,
            config_type,
            blobs,
            manifests: Vec::new(),
            subject: subject(json.subject)?,
            annotations: json.annotations,
        })
    }

    fn index(media_type: String, json: Json) -> Result<Self, DocumentError> {
        if json.config.is_some() {
            return Err(DocumentError::Ambiguous("config", media_type));
        }
        if json.layers.is_some() {
            return Err(DocumentError::Ambiguous("layers", media_type));
        }
        let listed = json.manifests.ok_or(DocumentError::Missing("manifests"))?;
        let mut manifests = Vec::with_capacity(listed.len());
        for (position, manifest) in listed.into_iter().enumerate() {
            manifests.push(check(format!("manifests[{position}]"), manifest)?);
        }
        Ok(Self {
            media_type,
            artifact_type: json.artifact_type,
            config_type: None,
            blobs: Vec::new(),
            manifests,
            subject: subject(json.subject)?,
            annotations: json.annotations,
        })
    }

    /// Returns its media type, one of four.
    pub(crate) fn media_type(&self) -> &str {
        &self.media_type
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
            .or(self.config_type.as_deref())
    }

    /// Returns the manifest that it is about. That one may come later.
    pub(crate) fn subject(&self) -> Option<&OciDigest> {
        self.subject.as_ref().map(Descriptor::digest)
    }

    /// Returns its annotations.
    pub(crate) fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// Returns the blobs that must be there. Layers that lie elsewhere need not.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs.iter().filter(|blob| !blob.is_elsewhere())
    }

    /// Returns all that must be there, each once.
    pub(crate) fn parts(&self) -> BTreeSet<&OciDigest> {
        let parts = self.blobs().chain(&self.manifests);
        parts.map(Descriptor::digest).collect()
    }

    /// Returns the manifests that must be there.
    pub(crate) fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }
}

fn media_type_of(pushed: Option<&str>, found: Option<&str>) -> Result<String, DocumentError> {
    let pushed = pushed
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .filter(|value| !value.is_empty());
    match (pushed, found) {
        (Some(pushed), Some(found)) if pushed != found => Err(DocumentError::MediaType {
            pushed: pushed.to_owned(),
            found: found.to_owned(),
        }),
        (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type.to_owned()),
        (None, None) => Err(DocumentError::NoMediaType),
    }
}

fn form(media_type: &str) -> Result<Form, DocumentError> {
    match media_type {
        OCI_MANIFEST | DOCKER_MANIFEST => Ok(Form::Manifest),
        OCI_INDEX | DOCKER_LIST => Ok(Form::Index),
        other => Err(DocumentError::NotAManifest(other.to_owned())),
    }
}

fn subject(fields: Option<Fields>) -> Result<Option<Descriptor>, DocumentError> {
    fields
        .map(|fields| check("subject".to_owned(), fields))
        .transpose()
}

fn check(place: String, fields: Fields) -> Result<Descriptor, DocumentError> {
    Descriptor::check(fields).map_err(|source| DocumentError::Descriptor { place, source })
}
