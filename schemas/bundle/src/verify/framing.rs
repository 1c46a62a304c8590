//! Checks what stands between the contents in one frame's piece of the tar: headers, fillings and
//! the end. Together with the digest of each file, every byte of the piece is then accounted for.

use std::ops::Range;

use super::bundle::VerifiedBundle;
use super::error::{Part, VerifyError};
use super::frames::frame_at;
use crate::canonical::{BLOCK, Header, TarError, check_header};

impl VerifiedBundle {
    /// Refuses a decoded frame of the payload in which a header, a filling or the end differs from
    /// what the index implies.
    ///
    /// Nothing of that has a meaning when files are placed by the index; it is refused because
    /// other tools that unpack the same payload would believe it.
    pub fn check_framing(&self, position: usize, content: &[u8]) -> Result<(), VerifyError> {
        let frame = frame_at(Part::Payload, self.payload_frames(), position)?;
        let piece = Piece {
            start: frame.offset,
            content,
        };
        let layout = self.layout();
        let first = layout.partition_point(|span| span.content.end <= piece.start);
        if let Some(before) = first.checked_sub(1) {
            self.check_filling(&piece, before)?;
        }
        for (position, entry) in self.entries().iter().enumerate().skip(first) {
            let span = &layout[position];
            if span.start >= piece.end() {
                return Ok(());
            }
            let (at, found) = piece.part(span.start..span.content.start);
            if !found.is_empty() {
                let mut expected = Vec::new();
                Header::of(entry).write(&mut expected);
                check_header(entry, &expected, at, found)?;
            }
            self.check_filling(&piece, position)?;
        }
        let last = layout.last().map_or(0, |span| span.content.end);
        if piece.is_zero(last.next_multiple_of(BLOCK as u64)..u64::MAX) {
            Ok(())
        } else {
            Err(TarError::End.into())
        }
    }

    /// Expects zeros behind the content of an entry, up to the next block.
    fn check_filling(&self, piece: &Piece<'_>, position: usize) -> Result<(), TarError> {
        let end = self.layout()[position].content.end;
        if piece.is_zero(end..end.next_multiple_of(BLOCK as u64)) {
            Ok(())
        } else {
            let path = self.entries()[position].path.clone();
            Err(TarError::Padding { path })
        }
    }
}

/// A part of the tar.
struct Piece<'a> {
    start: u64,
    content: &'a [u8],
}

impl Piece<'_> {
    fn end(&self) -> u64 {
        self.start + self.content.len() as u64
    }

    /// Returns what the piece holds of `range` of the tar, and where in the range that begins.
    fn part(&self, range: Range<u64>) -> (usize, &[u8]) {
        let start = range.start.clamp(self.start, self.end());
        let end = range.end.clamp(start, self.end());
        let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let part = &self.content[small(start - self.start)..small(end - self.start)];
        (small(start.saturating_sub(range.start)), part)
    }

    fn is_zero(&self, range: Range<u64>) -> bool {
        self.part(range).1.iter().all(|byte| *byte == 0)
    }
}
