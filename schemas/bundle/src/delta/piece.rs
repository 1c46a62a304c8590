//! One piece of a delta: the content of one frame of the wanted bundle.

use std::ops::Range;

use bulla_schemas::Codec;
use bulla_schemas::frames::FrameRecord;
use bytes::Bytes;

use super::error::DeltaError;
use super::prefix;
use crate::frame::{self, Frame, FrameError};
use crate::verify::{Part, VerifiedParts, VerifyError};

/// A frame of the wanted bundle, and the frames of the other one that it is compressed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaPiece {
    pub(super) part: Part,
    pub(super) position: usize,
    pub(super) frame: Frame,
    pub(super) from: Range<usize>,
    /// Where those lie in the blob of the same part of the bundle that is there.
    pub(super) from_span: Range<u64>,
    pub(super) dictionary_size: u64,
}

impl DeltaPiece {
    /// Most bytes of dictionary for one piece, uncompressed: two frames of the largest size.
    pub const DICTIONARY: u64 = 4 * 1024 * 1024;

    /// Returns whether it belongs to the index or to the payload.
    pub const fn part(&self) -> Part {
        self.part
    }

    /// Returns the position of the frame in the wanted bundle.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Returns the frame in the wanted bundle.
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Returns which frames of the bundle that is there are its dictionary, one behind the other.
    /// Where they are none, the piece is the frame itself.
    pub fn from(&self) -> Range<usize> {
        self.from.clone()
    }

    /// Returns where those frames lie in the blob of the same part of the bundle that is there.
    pub fn from_span(&self) -> Range<u64> {
        self.from_span.clone()
    }

    /// Returns the bytes of the dictionary.
    pub const fn dictionary_size(&self) -> u64 {
        self.dictionary_size
    }

    /// Returns the same piece without a dictionary: the frame itself.
    #[must_use]
    pub fn without_dictionary(&self) -> Self {
        Self {
            from: 0..0,
            from_span: 0..0,
            dictionary_size: 0,
            ..self.clone()
        }
    }

    /// Returns the dictionary. `compressed` are the bytes at [`Self::from_span`] of the blob of the
    /// bundle that is there, `have`; each frame is checked before it is decompressed.
    pub fn dictionary(
        &self,
        have: &VerifiedParts,
        compressed: &[u8],
    ) -> Result<Vec<u8>, DeltaError> {
        let frames = have.frames(self.part);
        let mut dictionary = Vec::new();
        for position in self.from.clone() {
            let Some(frame) = frames.get(position) else {
                break;
            };
            let start = frame.compressed_offset.saturating_sub(self.from_span.start);
            let compressed = frame::slice(compressed, start, frame.record.compressed_size);
            let content = frame::decode(&frame.record, compressed.unwrap_or_default());
            dictionary.extend(content.map_err(|source| {
                DeltaError::Damaged(VerifyError::frame(self.part, position, source))
            })?);
        }
        Ok(dictionary)
    }

    /// Places a piece among the frames of both bundles; the positions exist in them.
    pub(super) fn new(
        part: Part,
        position: usize,
        frame: Frame,
        from: Range<usize>,
        have: &[Frame],
    ) -> Self {
        let run = have.get(from.clone()).unwrap_or_default();
        let (from_span, dictionary_size) = match (run.first(), run.last()) {
            (Some(first), Some(last)) => (
                first.compressed_offset..last.span().end,
                last.end() - first.offset,
            ),
            _ => (0..0, 0),
        };
        Self {
            part,
            position,
            frame,
            from,
            from_span,
            dictionary_size,
        }
    }

    pub(super) fn refused(&self, source: FrameError) -> DeltaError {
        DeltaError::Piece {
            part: self.part,
            position: self.position,
            source,
        }
    }

    pub(super) fn check_dictionary(&self, found: u64) -> Result<(), DeltaError> {
        if found == self.dictionary_size {
            Ok(())
        } else {
            Err(DeltaError::DictionarySize {
                expected: self.dictionary_size,
                found,
            })
        }
    }
}

/// A piece as it came. It is refused when it does not have the digest of its frame's content.
#[derive(Debug, Clone)]
pub struct ReceivedPiece {
    pub(super) piece: DeltaPiece,
    pub(super) compressed: Bytes,
}

impl ReceivedPiece {
    /// Returns which frame it is, and what it needs.
    pub const fn piece(&self) -> &DeltaPiece {
        &self.piece
    }

    /// Returns the content of the frame. `dictionary` is the content of the frames
    /// [`DeltaPiece::from`], one behind the other; where it differs, the piece is refused.
    pub fn decode(&self, dictionary: &[u8]) -> Result<Vec<u8>, DeltaError> {
        let piece = &self.piece;
        let record: &FrameRecord = &piece.frame.record;
        piece.check_dictionary(dictionary.len() as u64)?;
        let content = if piece.from.is_empty() {
            frame::decode(record, &self.compressed)
        } else {
            prefix::decompress(&self.compressed, dictionary, record.size)
        };
        content
            .and_then(|content| frame::check_content(record, &content).map(|()| content))
            .map_err(|source| piece.refused(source))
    }

    /// Returns the compressed frame as it stands in the wanted bundle, which `codec` made: it is
    /// made again from the content, and refused where the bytes are others.
    pub fn frame(&self, dictionary: &[u8], codec: &Codec) -> Result<Bytes, DeltaError> {
        let content = self.decode(dictionary)?;
        if self.piece.from.is_empty() {
            return Ok(self.compressed.clone());
        }
        let frame = frame::compress(&content, codec.level()).map_err(DeltaError::Compress)?;
        let record = &self.piece.frame.record;
        let checked = frame::check_compressed(record, &frame);
        checked.map_err(|source| self.piece.refused(source))?;
        Ok(frame.into())
    }
}
