//! Why a bundle is refused.

use std::fmt;
use std::io;

use bulla_schemas::Digest;
use bulla_schemas::index::IndexLineError;
use bulla_schemas::manifest::ManifestError;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::release::ReleaseError;

use crate::canonical::TarError;
use crate::frame::FrameError;
use crate::frame_table::FrameTableError;
use crate::limits::LimitError;
use crate::rules::TreeError;

/// A part of a bundle, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The manifest.
    Manifest,
    /// The release document.
    Release,
    /// The payload.
    Payload,
    /// The index.
    Index,
    /// The frame table.
    Frames,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Manifest => "manifest",
            Self::Release => "release document",
            Self::Payload => "payload",
            Self::Index => "index",
            Self::Frames => "frame table",
        })
    }
}

/// Why bytes are not the bundle with this hash, or not one that the writer could have written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Other bytes than their digest says.
    #[error("expected the {part} to be {expected}, found {found}")]
    Digest {
        /// Which part.
        part: Part,
        /// What the manifest or the hash says.
        expected: Digest,
        /// What the bytes are.
        found: Digest,
    },
    /// More or fewer bytes than the manifest says.
    #[error("expected the {part} to have {expected} bytes, found {found}")]
    Size {
        /// Which part.
        part: Part,
        /// What the manifest says.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// Not the manifest of a bundle.
    #[error("the manifest is not a bundle's")]
    Manifest(#[from] ManifestError),
    /// Not a release document.
    #[error("the release document is not a bundle's")]
    Release(#[from] ReleaseError),
    /// Annotations or titles that the release document does not imply.
    #[error("the manifest is not the one that belongs to its release document")]
    ForeignManifest,
    /// Not a frame table.
    #[error("the frame table cannot be read")]
    FrameTable(#[from] FrameTableError),
    /// Compressed sizes in the frame table that do not fill the blob.
    #[error("the manifest says that the {part} has {expected} bytes, its frames have {found}")]
    CompressedSum {
        /// Payload (its frames and the seek table) or index.
        part: Part,
        /// What the manifest says.
        expected: u64,
        /// What the frame table says.
        found: u64,
    },
    /// Sizes in the frame table that do not fill the tar or the index.
    #[error(
        "the release document says that the {part} has {expected} bytes uncompressed, its frames have {found}"
    )]
    Sum {
        /// Payload or index.
        part: Part,
        /// What the release document says.
        expected: u64,
        /// What the frame table says.
        found: u64,
    },
    /// One frame is not what the frame table says.
    #[error("frame {position} of the {part} is refused")]
    Frame {
        /// Payload, index or frame table.
        part: Part,
        /// The frame, from 0.
        position: usize,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// A frame that the frame table does not have.
    #[error("the {part} has {frames} frames, there is no frame {position}")]
    NoSuchFrame {
        /// Payload or index.
        part: Part,
        /// The frame asked for, from 0.
        position: usize,
        /// How many there are.
        frames: usize,
    },
    /// Another index than the release document says.
    #[error("the release document says that the index is {expected}, found {found}")]
    IndexDigest {
        /// What the release document says.
        expected: Digest,
        /// What the index is.
        found: Digest,
    },
    /// No line feed at the end.
    #[error("the index does not end with a line feed")]
    UnterminatedIndex,
    /// A line of the index that is no entry.
    #[error("line {line} of the index is refused")]
    IndexLine {
        /// The line, from 1.
        line: u64,
        /// Why.
        #[source]
        source: IndexLineError,
    },
    /// Entries that break a rule.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Another number of files than the release document says.
    #[error("the release document says that there are {expected} files, the index has {found}")]
    Files {
        /// What the release document says.
        expected: u64,
        /// What the index has.
        found: u64,
    },
    /// Another number of bytes than the release document says.
    #[error(
        "the release document says that the files have {expected} bytes, the index says {found}"
    )]
    Bytes {
        /// What the release document says.
        expected: u64,
        /// What the index says.
        found: u64,
    },
    /// The tar that the index describes has another size than the release document says.
    #[error(
        "the release document says that the tar has {expected} bytes, the index describes one of {found}"
    )]
    TarSize {
        /// What the release document says.
        expected: u64,
        /// The size of the tar that the index describes.
        found: u64,
    },
    /// A tar with other bytes than the index describes.
    #[error("the tar is not the one that the index describes")]
    Tar(#[from] TarError),
    /// A cut at another place than the rule says.
    #[error(
        "frame {position} of the payload ends at {end} of the tar, where the rule does not cut"
    )]
    Cut {
        /// The frame, from 0.
        position: usize,
        /// Where the frame ends in the tar.
        end: u64,
    },
    /// Something else behind the frames than their seek table.
    #[error("the payload does not end with the seek table of its frames")]
    SeekTable,
    /// A payload that ends in the middle.
    #[error("the payload is cut short")]
    Truncated,
    /// Something behind the payload.
    #[error("there are bytes behind the payload")]
    Trailing,
    /// Larger than anything that is accepted.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The bytes cannot be read.
    #[error("cannot read the {part}")]
    Read {
        /// Which part.
        part: Part,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl VerifyError {
    pub(crate) const fn frame(part: Part, position: usize, source: FrameError) -> Self {
        Self::Frame {
            part,
            position,
            source,
        }
    }
}

impl Outcome for VerifyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } => FailureKind::Failed,
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Release(ReleaseError::Format { .. }) => {
                Some("update this program to read the bundle".to_owned())
            }
            Self::Read { .. } => None,
            _ => Some(
                "these are not the bytes that were signed; ask the operator of the server, or fetch them elsewhere"
                    .to_owned(),
            ),
        }
    }
}
