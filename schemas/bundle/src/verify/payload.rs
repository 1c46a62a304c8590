//! Checks a whole payload as it streams by: what packing checks itself with, what reproduction
//! and bundle files are held against.

use std::io::{self, Read};

use bulla_schemas::Digest;
use sha2::{Digest as _, Sha256};

use super::bundle::VerifiedBundle;
use super::error::{Part, VerifyError};
use crate::canonical::TarCheck;
use crate::cut::{self, LOOK_AHEAD};
use crate::frame;
use crate::seek_table;

impl VerifiedBundle {
    /// Checks a whole payload: the blob's digest, both digests of every frame, every cut, the
    /// seek table, every byte of the tar, and that nothing follows. Holds two frames in
    /// memory.
    pub fn verify_payload(&self, payload: &mut dyn Read) -> Result<(), VerifyError> {
        let mut blob = Sha256::new();
        let mut tar = TarCheck::new(self.entries(), self.release().tar);
        let mut last = Vec::new();
        for (position, frame) in self.payload_frames().iter().enumerate() {
            let compressed = read_exactly(payload, frame.record.compressed_size)?;
            blob.update(&compressed);
            let content = self.decode_frame(position, &compressed)?;
            frame::check_content(&frame.record, &content)
                .map_err(|source| VerifyError::frame(Part::Payload, position, source))?;
            tar.update(&content)?;
            if position > 0 {
                last.extend_from_slice(&content[..content.len().min(LOOK_AHEAD)]);
                self.check_cut(position - 1, &last)?;
            }
            last = content;
        }
        self.check_cut(self.payload_frames().len() - 1, &last)?;
        tar.finish()?;
        let seek_table = seek_table::to_bytes(self.frame_records()).unwrap_or_default();
        let found = read_exactly(payload, seek_table.len() as u64)?;
        if found != seek_table {
            return Err(VerifyError::SeekTable);
        }
        blob.update(&found);
        if payload.read(&mut [0]).map_err(read_error)? != 0 {
            return Err(VerifyError::Trailing);
        }
        let found = Digest::from(blob.finalize());
        let expected = self.manifest().payload().digest;
        if found == expected {
            Ok(())
        } else {
            Err(VerifyError::Digest {
                part: Part::Payload,
                expected,
                found,
            })
        }
    }

    /// Returns the bytes that stand behind the frames of the payload; they follow from the frame
    /// table, so nobody needs to fetch them.
    pub fn seek_table(&self) -> Vec<u8> {
        seek_table::to_bytes(self.frame_records()).unwrap_or_default()
    }

    fn frame_records(&self) -> impl ExactSizeIterator<Item = &bulla_schemas::frames::FrameRecord> {
        self.payload_frames().iter().map(|frame| &frame.record)
    }

    /// `content` is that of the frame, followed by the first bytes of the next.
    fn check_cut(&self, position: usize, content: &[u8]) -> Result<(), VerifyError> {
        let frame = &self.payload_frames()[position];
        if cut::PAYLOAD.cut(content) as u64 == frame.record.size {
            Ok(())
        } else {
            Err(VerifyError::Cut {
                position,
                end: frame.end(),
            })
        }
    }
}

fn read_exactly(source: &mut dyn Read, size: u64) -> Result<Vec<u8>, VerifyError> {
    // Both callers bound `size`: a frame by the frame table's rules, the seek table by its count.
    let mut bytes = Vec::new();
    source
        .take(size)
        .read_to_end(&mut bytes)
        .map_err(read_error)?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(VerifyError::Truncated)
    }
}

fn read_error(source: io::Error) -> VerifyError {
    VerifyError::Read {
        part: Part::Payload,
        source,
    }
}
