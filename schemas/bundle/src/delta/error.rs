//! Why a delta is refused.

use bulla_schemas::delta::DeltaHeader;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::frame::FrameError;
use crate::limits::LimitError;
use crate::verify::{Part, VerifyError};

/// Why bytes are not a delta from the one bundle to the other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The documents cannot be decompressed.
    #[error("the documents of the delta are refused")]
    Documents(#[source] FrameError),
    /// No line at the beginning of the documents.
    #[error("the delta does not begin with a line that ends with a line feed")]
    Unterminated,
    /// A header that cannot be read.
    #[error("the header of the delta cannot be read")]
    Header(#[source] serde_json::Error),
    /// A header that could be written in another way.
    #[error("the header of the delta is not in canonical form")]
    NotCanonical,
    /// Another format.
    #[error("the delta has format {found}, expected {}", DeltaHeader::FORMAT)]
    Format {
        /// The format.
        found: u32,
    },
    /// Documents of other sizes than the header says.
    #[error(
        "the header of the delta says that {expected} bytes of documents follow, found {found}"
    )]
    Lengths {
        /// The sum of what the header says.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// Documents that are not those of the wanted bundle.
    #[error("the delta does not lead to the bundle that was asked for")]
    Verify(#[from] VerifyError),
    /// The frame table cannot be compressed again to what the manifest names.
    #[error("the frame table cannot be made from the delta, and none was fetched")]
    NoFrameTable,
    /// A piece that the wanted bundle has no place for.
    #[error("the delta has a piece for frame {position} of the {part}, which has {frames}")]
    NoSuchFrame {
        /// Payload or index.
        part: Part,
        /// What the header says.
        position: u64,
        /// How many frames there are.
        frames: usize,
    },
    /// Pieces that are not in the order of their positions, or one of them twice.
    #[error("the pieces of the {part} are out of order at frame {position}")]
    Order {
        /// Payload or index.
        part: Part,
        /// The piece that stands too late.
        position: u64,
    },
    /// A dictionary of frames that there are not.
    #[error(
        "the dictionary of frame {position} of the {part} is to be the frames {first} to {end} of {frames}"
    )]
    NoSuchDictionary {
        /// Payload or index.
        part: Part,
        /// The piece.
        position: u64,
        /// The first frame.
        first: u64,
        /// The one behind the last.
        end: u64,
        /// How many frames there are.
        frames: usize,
    },
    /// More dictionary than a piece may have, or another one than it was made with.
    #[error("expected a dictionary of {expected} bytes at most for a piece, found {found}")]
    DictionarySize {
        /// [`DeltaPiece::DICTIONARY`](super::DeltaPiece::DICTIONARY), or what the piece needs.
        expected: u64,
        /// How large it is.
        found: u64,
    },
    /// A delta that ends in the middle.
    #[error("the delta ends before its last piece")]
    Truncated,
    /// Something behind the last piece.
    #[error("there are {found} bytes behind the last piece of the delta")]
    Trailing {
        /// How many.
        found: usize,
    },
    /// A piece that is not the frame's content.
    #[error("the piece for frame {position} of the {part} is refused")]
    Piece {
        /// Payload or index.
        part: Part,
        /// The frame, from 0.
        position: usize,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// The writer was given a frame that is not what its bundle says.
    #[error("what the delta is made from is damaged")]
    Damaged(#[source] VerifyError),
    /// Larger than anything that is accepted.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// libzstd cannot compress.
    #[error("cannot compress a delta")]
    Compress(#[source] std::io::Error),
}

impl Outcome for DeltaError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Compress(_) | Self::Damaged(_) => FailureKind::Failed,
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Compress(_) | Self::Damaged(_) => None,
            Self::Format { .. } => {
                Some("update this program to read the delta, or fetch the bundle whole".to_owned())
            }
            _ => Some("fetch the bundle without a delta".to_owned()),
        }
    }
}
