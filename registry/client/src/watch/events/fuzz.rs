//! What must hold of a stream of events, for the fuzz targets.
#![expect(clippy::missing_panics_doc, reason = "a panic is what is looked for")]

use super::{MOST_LINE, Reader};

/// A stream says the same however its bytes come, and costs no more memory than a line: the first
/// byte is how many of the others come at once.
pub fn events(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else {
        return;
    };
    let (at_once, in_pieces) = (read(stream, stream.len()), read(stream, (*size).into()));
    // What is hostile is found where a piece ends.
    if let Some((at_once, in_pieces)) = at_once.zip(in_pieces) {
        assert_eq!(at_once, in_pieces, "the largest size that was said");
    }
}

fn read(stream: &[u8], size: usize) -> Option<u64> {
    let mut reader = Reader::new();
    for piece in stream.chunks(size.max(1)) {
        let taken = reader.take(piece);
        assert!(reader.line.capacity() <= 2 * MOST_LINE, "a line is short");
        taken.ok()?;
    }
    Some(reader.largest)
}
