//! The frames that a frame table names, by their position.

use super::error::{Part, VerifyError};
use crate::frame::{self, Frame};

/// Checks the compressed digest of a frame, then decompresses it.
pub(super) fn decode(
    part: Part,
    frames: &[Frame],
    position: usize,
    compressed: &[u8],
) -> Result<Vec<u8>, VerifyError> {
    let frame = frame_at(part, frames, position)?;
    frame::decode(&frame.record, compressed)
        .map_err(|source| VerifyError::frame(part, position, source))
}

pub(super) fn frame_at(
    part: Part,
    frames: &[Frame],
    position: usize,
) -> Result<&Frame, VerifyError> {
    frames.get(position).ok_or(VerifyError::NoSuchFrame {
        part,
        position,
        frames: frames.len(),
    })
}
