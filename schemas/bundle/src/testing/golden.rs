//! What the golden vectors hold: cutting and compressing by themselves. For tests only.

use std::io;

use crate::cut::{self, Sizes};
use crate::frame;

/// Cuts a whole payload: the lengths of its pieces.
pub fn cut_payload(bytes: &[u8]) -> Vec<usize> {
    cut_all(bytes, cut::PAYLOAD)
}

/// Cuts a whole index.
pub fn cut_index(bytes: &[u8]) -> Vec<usize> {
    cut_all(bytes, cut::INDEX)
}

/// Compresses one frame.
pub fn compress(content: &[u8], level: u8) -> io::Result<Vec<u8>> {
    frame::compress(content, level)
}

pub(crate) fn cut_all(bytes: &[u8], sizes: Sizes) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = sizes.cut(rest);
        lengths.push(len);
        rest = &rest[len..];
    }
    lengths
}
