//! The canonical tar: the one possible stream for a list of entries and their contents.
//!
//! ```text
//! entry    [extended header: 512 bytes + records, only where ustar cannot hold the value]
//!          header: 512 bytes of ustar
//!          content, filled up with zeros to 512 bytes
//! ...      every entry in the order of the index
//! end      1024 zeros, and nothing behind them
//! ```
//!
//! Every header follows from the entry's line in the index, so a header can hide nothing: the
//! installer never reads one, and [`check`] compares each byte with the byte that must stand
//! there. This module knows nothing of frames.

pub(crate) mod check;
pub(crate) mod header;

use std::ops::Range;

use bulla_schemas::index::{EntryKind, IndexEntry};

use header::Header;

/// Bytes in a block, to which headers and contents are filled up (POSIX ustar).
pub(crate) const BLOCK: usize = 512;
/// What ends a tar: two blocks of zeros.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Where an entry lies in the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarSpan {
    /// Where its first header begins.
    pub start: u64,
    /// Its content, without what fills the last block; empty for directories and links.
    pub content: Range<u64>,
}

/// Returns how many zeros fill up the last block of a content.
pub(crate) fn padding(size: u64) -> usize {
    let block = BLOCK as u64;
    usize::try_from(size.next_multiple_of(block) - size).unwrap_or(0)
}

/// Returns where each entry lies and how large the tar is; `None` when no tar can be that large.
pub(crate) fn layout(entries: &[IndexEntry]) -> Option<(Vec<TarSpan>, u64)> {
    let mut start = 0_u64;
    let mut spans = Vec::with_capacity(entries.len());
    for entry in entries {
        let size = match entry.kind {
            EntryKind::File { size, .. } => size,
            EntryKind::Directory | EntryKind::Link { .. } => 0,
        };
        let content = start.checked_add(Header::of(entry).len())?;
        let end = content.checked_add(size)?;
        spans.push(TarSpan {
            start,
            content: content..end,
        });
        start = content.checked_add(size.checked_next_multiple_of(BLOCK as u64)?)?;
    }
    Some((spans, start.checked_add(END.len() as u64)?))
}
