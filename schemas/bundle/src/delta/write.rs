//! `DeltaWriter`: compresses the documents and the pieces of a delta.

use bulla_schemas::delta::{DeltaHeader, PieceLine};

use super::documents::dictionary;
use super::error::DeltaError;
use super::piece::DeltaPiece;
use super::prefix;
use crate::frame;
use crate::verify::{Part, VerifiedParts, VerifyError};

/// Makes a delta, piece by piece, from compressed frames that anyone gives. Takes the pieces of
/// one [`DeltaPlan`](super::DeltaPlan) in their order; one that is left out is not in the delta.
#[derive(Debug)]
pub struct DeltaWriter<'a> {
    have: &'a VerifiedParts,
    want: &'a VerifiedParts,
    index: Vec<PieceLine>,
    payload: Vec<PieceLine>,
    pieces: Vec<u8>,
}

impl<'a> DeltaWriter<'a> {
    /// Begins the delta that turns `have` into `want`.
    pub const fn new(have: &'a VerifiedParts, want: &'a VerifiedParts) -> Self {
        Self {
            have,
            want,
            index: Vec::new(),
            payload: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Adds a piece. `from` are the bytes at [`DeltaPiece::from_span`] of the blob of the bundle
    /// that is there, and `frame` those of the frame in the blob of the wanted one. Both may come
    /// from anywhere: they are checked as a reader checks them.
    pub fn push(
        &mut self,
        piece: &DeltaPiece,
        from: &[u8],
        frame: &[u8],
    ) -> Result<(), DeltaError> {
        let (part, position) = (piece.part, piece.position);
        let content = frame::decode(&piece.frame.record, frame)
            .map_err(|source| DeltaError::Damaged(VerifyError::frame(part, position, source)))?;
        let dictionary = piece.dictionary(self.have, from)?;
        let compressed = if dictionary.is_empty() {
            None
        } else {
            let compressed =
                prefix::compress(&content, &dictionary).map_err(DeltaError::Compress)?;
            Some(compressed).filter(|compressed| compressed.len() < frame.len())
        };
        let run = [piece.from.start as u64, piece.from.end as u64];
        let line = PieceLine {
            position: position as u64,
            from: compressed.is_some().then_some(run),
        };
        match part {
            Part::Index => self.index.push(line),
            _ => self.payload.push(line),
        }
        self.pieces
            .extend_from_slice(compressed.as_deref().unwrap_or(frame));
        Ok(())
    }

    /// Returns how many bytes the pieces have so far.
    pub fn size(&self) -> u64 {
        self.pieces.len() as u64
    }

    /// Returns the delta.
    pub fn finish(self) -> Result<Vec<u8>, DeltaError> {
        let table = self.want.frame_table();
        let header = DeltaHeader {
            format: DeltaHeader::FORMAT,
            manifest: self.want.manifest_bytes().len() as u64,
            release: self.want.release_bytes().len() as u64,
            frames: table.len() as u64,
            index: self.index,
            payload: self.payload,
        };
        let mut documents = Vec::new();
        // Infallible: numbers into memory.
        let _ = serde_json::to_writer(&mut documents, &header);
        documents.push(b'\n');
        documents.extend_from_slice(self.want.manifest_bytes());
        documents.extend_from_slice(self.want.release_bytes());
        documents.extend_from_slice(&table);
        let mut delta =
            prefix::compress(&documents, &dictionary(self.have)).map_err(DeltaError::Compress)?;
        delta.extend_from_slice(&self.pieces);
        Ok(delta)
    }
}
