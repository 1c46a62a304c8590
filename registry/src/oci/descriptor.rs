//! `Descriptor`: where a manifest points (OCI image-spec 1.1, `descriptor.md`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::oci::digest::{OciDigest, OciDigestError};

/// Longest media type, as in `application/` and a name of RFC 6838 §4.2.
pub(super) const MAX_MEDIA_TYPE: usize = 255;

/// A descriptor whose digest, size and data have been checked.
#[derive(Debug)]
pub(crate) struct Descriptor {
    media_type: String,
    digest: OciDigest,
    size: u64,
    is_elsewhere: bool,
}

/// The JSON of a descriptor. A size that is missing or negative is no `u64`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fields {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    urls: Vec<String>,
    data: Option<String>,
}

/// Why a descriptor cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    #[error("the digest is not valid")]
    Digest(#[source] OciDigestError),
    #[error("expected a media type of 1 to {MAX_MEDIA_TYPE} visible ASCII characters, found {0:?}")]
    MediaType(String),
    #[error("the size {0} is larger than any content")]
    Size(u64),
    #[error("data is not base64")]
    Data(#[source] base64::DecodeError),
    #[error("size says {expected}, but data holds {found} bytes")]
    DataSize { expected: u64, found: u64 },
    #[error("data does not have the digest {expected}, but {found}")]
    DataDigest { expected: String, found: String },
}

impl Descriptor {
    pub(super) fn check(fields: Fields) -> Result<Self, DescriptorError> {
        let visible = fields
            .media_type
            .bytes()
            .all(|byte| byte.is_ascii_graphic());
        if !visible || !(1..=MAX_MEDIA_TYPE).contains(&fields.media_type.len()) {
            let found = fields.media_type.chars().take(MAX_MEDIA_TYPE).collect();
            return Err(DescriptorError::MediaType(found));
        }
        // Go's clients hold sizes in an int64.
        if i64::try_from(fields.size).is_err() {
            return Err(DescriptorError::Size(fields.size));
        }
        let digest: OciDigest = fields.digest.parse().map_err(DescriptorError::Digest)?;
        if let Some(data) = &fields.data {
            check_data(data, &digest, fields.size)?;
        }
        let is_elsewhere = !fields.urls.is_empty()
            || fields.media_type.contains(".nondistributable.")
            || fields.media_type.contains(".foreign.");
        Ok(Self {
            media_type: fields.media_type,
            digest,
            size: fields.size,
            is_elsewhere,
        })
    }

    /// Returns the media type of the content.
    pub(super) fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Returns the digest of the content.
    pub(crate) fn digest(&self) -> &OciDigest {
        &self.digest
    }

    /// Returns the size of the content in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Tells whether clients fetch the content from another place.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }
}

/// A client may take the embedded data instead of the blob, so it must be the blob.
fn check_data(data: &str, digest: &OciDigest, size: u64) -> Result<(), DescriptorError> {
    let data = STANDARD.decode(data).map_err(DescriptorError::Data)?;
    if data.len() as u64 != size {
        return Err(DescriptorError::DataSize {
            expected: size,
            found: data.len() as u64,
        });
    }
    let found = OciDigest::of(digest.algorithm(), &data);
    if found != *digest {
        return Err(DescriptorError::DataDigest {
            expected: digest.to_string(),
            found: found.to_string(),
        });
    }
    Ok(())
}
