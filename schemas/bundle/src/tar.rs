//! The canonical tar.
use std::ops::Range;
/// Where an entry lies in the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarSpan {
    /// Where its first header begins.
    pub start: u64,
    /// Its content; empty for directories and links.
    pub content: Range<u64>,
}
