//! Where each entry lies in the tar: it follows from the index.

use std::ops::Range;

use bulla_schemas::index::{EntryKind, IndexEntry};

use super::block::{BLOCK, END};
use super::header::Header;

/// Where an entry lies in the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarSpan {
    /// Where its first header begins.
    pub start: u64,
    /// Its content, without what fills the last block; empty for directories and links.
    pub content: Range<u64>,
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
