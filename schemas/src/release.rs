//! The release document: the manifest's config. It says what the bundle is made of, and nothing
//! that two honest builders could disagree on: no label, branch, builder, time or clone URL.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::install::{Install, InstallError};
use crate::{Codec, Digest, ProjectName, Timestamp};

/// What a bundle is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseDocument {
    /// The bundle format, 1.
    pub format: u32,
    /// The project, also the OCI repository.
    pub project: ProjectName,
    /// Where the files came from.
    pub source: Source,
    /// The sha256 of the recipe, `bulla.toml`, as it stands in the revision.
    pub recipe: Digest,
    /// What compressed the frames.
    pub codec: Codec,
    /// The bytes of the canonical tar, uncompressed.
    pub tar: u64,
    /// The index, uncompressed. The tar is a function of it and of the files whose digests it
    /// has, so its digest is the identity of the content.
    pub index: Content,
    /// How many entries are files.
    pub files: u64,
    /// The bytes in all files.
    pub bytes: u64,
    /// How the release wants to be installed.
    pub install: Install,
}

/// A digest and a size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The sha256 of the content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// The revision that was packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "vcs", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A git commit.
    Git {
        /// The commit's id in hex.
        revision: String,
        /// The id of the commit's tree in hex.
        tree: String,
        /// The commit's committer time.
        committed: Timestamp,
    },
    /// A Subversion revision.
    Svn {
        /// The revision's number.
        revision: String,
        /// The repository's UUID.
        uuid: String,
        /// The path inside the repository, empty for its root.
        path: String,
        /// The revision's date.
        committed: Timestamp,
    },
}

impl Source {
    /// Returns the commit id or revision number.
    pub fn revision(&self) -> &str {
        match self {
            Self::Git { revision, .. } | Self::Svn { revision, .. } => revision,
        }
    }

    /// Returns the commit id cut to 12 digits, or `r` and the revision number.
    pub fn short_revision(&self) -> String {
        short_revision(self.revision())
    }

    /// Checks what serde cannot: ids and numbers in their one form, since the names of the
    /// bundle's files are made of them.
    pub fn validate(&self) -> Result<(), SourceError> {
        let valid = match self {
            Self::Git { revision, tree, .. } => is_object_id(revision) && is_object_id(tree),
            Self::Svn {
                revision,
                uuid,
                path,
                ..
            } => {
                revision
                    .parse::<u64>()
                    .is_ok_and(|n| n.to_string() == *revision)
                    && (1..=64).contains(&uuid.len())
                    && uuid
                        .bytes()
                        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
                    && !path.starts_with('/')
                    && !path.ends_with('/')
                    && !path.chars().any(char::is_control)
            }
        };
        if valid {
            Ok(())
        } else {
            Err(SourceError {
                found: self.clone(),
            })
        }
    }

    /// Returns when the revision was committed.
    pub const fn committed(&self) -> Timestamp {
        match self {
            Self::Git { committed, .. } | Self::Svn { committed, .. } => *committed,
        }
    }
}

/// Returns a commit id cut to 12 digits, or `r` and the number of a Subversion revision.
pub fn short_revision(revision: &str) -> String {
    match revision.parse::<u64>() {
        // A commit id has 40 or 64 digits.
        Ok(number) if revision.len() < 40 => format!("r{number}"),
        _ => revision.chars().take(12).collect(),
    }
}

/// The id of a git object: SHA-1 or SHA-256 in lower-case hex.
fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A source whose ids or numbers are not in their one form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected ids of git objects, or an svn revision number, UUID and path; found {found:?}")]
pub struct SourceError {
    found: Source,
}

/// Why bytes are not a release document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Not the JSON of a release document.
    #[error("the release document cannot be read")]
    Json(#[source] serde_json::Error),
    /// The JSON could be written in another way.
    #[error("the release document is not in canonical form")]
    NotCanonical,
    /// A format that this program does not know.
    #[error(
        "the bundle has format {found}, this program reads format {}; a newer Bulla is needed",
        ReleaseDocument::FORMAT
    )]
    Format {
        /// The format of the bundle.
        found: u32,
    },
    /// The source cannot be one.
    #[error("the release document's source cannot be one")]
    Source(#[source] SourceError),
    /// The install section contradicts itself.
    #[error("the release document's install section contradicts itself")]
    Install(#[source] InstallError),
}

impl ReleaseDocument {
    /// The bundle format that this program writes and reads.
    pub const FORMAT: u32 = 1;
    /// Most bytes in a release document.
    pub const MAX_LEN: u64 = 1024 * 1024;

    /// Writes the one possible text.
    #[expect(
        clippy::missing_panics_doc,
        reason = "serialising strings and numbers cannot fail"
    )]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a release document is strings and numbers")
    }

    /// Reads a release document and refuses every text but the one that [`Self::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReleaseError> {
        /// Read first: a later format may have any other fields.
        #[derive(Deserialize)]
        struct Probe {
            format: u32,
        }
        let probe: Probe = serde_json::from_slice(bytes).map_err(ReleaseError::Json)?;
        if probe.format != Self::FORMAT {
            return Err(ReleaseError::Format {
                found: probe.format,
            });
        }
        let document: Self = serde_json::from_slice(bytes).map_err(ReleaseError::Json)?;
        if document.to_bytes() != bytes {
            return Err(ReleaseError::NotCanonical);
        }
        document.source.validate().map_err(ReleaseError::Source)?;
        document.install.validate().map_err(ReleaseError::Install)?;
        Ok(document)
    }
}
