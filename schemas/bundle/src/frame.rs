//! Frames.
use bulla_schemas::frames::FrameRecord;
/// A frame and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The line of the frame table.
    pub record: FrameRecord,
    /// Where the frame begins in the blob.
    pub compressed_offset: u64,
    /// Where its content begins in the tar or index.
    pub offset: u64,
}
