//! The `.bulla` file: an OCI image layout as one tar, with what is needed to judge the bundle
//! without network.
//!
//! ```text
//! oci-layout                 {"imageLayoutVersion":"1.0.0"}
//! index.json                 names the manifest by digest
//! bulla/checkpoint           the log's signed checkpoint        } both or neither
//! bulla/entries/NNNNNNNNNNNN one log entry each, from the first }
//! blobs/sha256/<hex>         manifest, release document, frame table, index, payload
//! ```
//!
//! Exactly these files in exactly this order with the headers of the canonical tar: there is one
//! possible file for a bundle and a log. Small things stand in front, so that everything is
//! verified before the payload is looked at. A blob that two descriptors share stands there once
//! for each. The log's copy is handed on as it is; who judges it is `bulla-trust`.

mod read;
mod write;

use std::io;

use bulla_schemas::Digest;
use bulla_schemas::media_type;
use bulla_schemas::outcome::{FailureKind, Outcome};
use serde::{Deserialize, Serialize};

pub use read::{BundleFile, read_bundle_file};
pub use write::write_bundle_file;

use crate::limits::LimitError;
use crate::verify::{Part, VerifyError};

const LAYOUT_PATH: &str = "oci-layout";
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX_PATH: &str = "index.json";
const CHECKPOINT_PATH: &str = "bulla/checkpoint";
/// Most bytes in a checkpoint, far more than any number of signatures needs.
const CHECKPOINT_MAX: u64 = 1024 * 1024;
/// Most bytes in an entry of the log, which C2SP tiles hold to 16 bits.
const ENTRY_MAX: u64 = 65_535;

/// What is needed of a log to judge a bundle without network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogCopy {
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
    /// All entries that it covers, from the first.
    pub entries: Vec<Vec<u8>>,
}

/// Why a `.bulla` file cannot be written or is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFileError {
    /// The bundle in the file is refused.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Another tar header than the one that must stand there.
    #[error(
        "expected the file `{expected}` at byte {offset} of the bundle file: `{field}` differs"
    )]
    Header {
        /// The file that must be there.
        expected: String,
        /// Where.
        offset: u64,
        /// The first field of the header that differs.
        field: &'static str,
    },
    /// Another content than the one that must stand there.
    #[error("the file `{path}` in the bundle file is not what it must be")]
    Content {
        /// The file.
        path: String,
    },
    /// An `index.json` that does not name one bundle in canonical form.
    #[error("`index.json` in the bundle file does not name one bundle")]
    Index(#[source] Option<serde_json::Error>),
    /// Bytes that fill a block and are not zeros.
    #[error("bytes are hidden behind `{path}` in the bundle file")]
    Padding {
        /// The file.
        path: String,
    },
    /// The file ends in the middle.
    #[error("the bundle file is cut short")]
    Truncated,
    /// The file does not end behind the payload.
    #[error("the bundle file does not end where it must: expected {expected} bytes, found {found}")]
    End {
        /// How long the file must be.
        expected: u64,
        /// How long it is.
        found: u64,
    },
    /// A checkpoint or an entry that is too large.
    #[error("`{path}` may have at most {limit} bytes, found {found}")]
    TooLarge {
        /// The file in the bundle file.
        path: String,
        /// The limit.
        limit: u64,
        /// Its size.
        found: u64,
    },
    /// A blob whose source yields another size than its descriptor says.
    #[error("expected the {part} to have {expected} bytes, found {found}")]
    BlobSize {
        /// Which blob.
        part: Part,
        /// What the descriptor says.
        expected: u64,
        /// How many came.
        found: u64,
    },
    /// Reading or writing failed.
    #[error("cannot {operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Outcome for BundleFileError {
    fn kind(&self) -> FailureKind {
        Self::kind(self)
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

impl BundleFileError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::Io { .. } => FailureKind::Failed,
            Self::Verify(error) => error.kind(),
            _ => FailureKind::Refused,
        }
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Verify(error) => error.hint(),
            Self::Io { .. } => None,
            _ => Some("copy the file again, or export the release again".to_owned()),
        }
    }
}

impl From<LimitError> for BundleFileError {
    fn from(error: LimitError) -> Self {
        Self::Verify(error.into())
    }
}

/// `index.json`: OCI image-spec 1.1, `image-layout.md`, for exactly one bundle.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LayoutIndex {
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
    fn new(digest: Digest, size: u64) -> Self {
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

    fn to_bytes(&self) -> Vec<u8> {
        // Infallible: strings and numbers.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns digest and size of the manifest; refuses every text but the one possible.
    fn from_bytes(bytes: &[u8]) -> Result<(Digest, u64), BundleFileError> {
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

fn blob_path(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn entry_path(position: usize) -> String {
    format!("bulla/entries/{position:012}")
}
