//! The blocks that a tar consists of.

/// Bytes in a block, to which headers and contents are filled up (POSIX ustar).
pub(crate) const BLOCK: usize = 512;
/// What ends a tar: two blocks of zeros.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Returns how many zeros fill up the last block of a content.
pub(crate) fn padding(size: u64) -> usize {
    let block = BLOCK as u64;
    usize::try_from(size.next_multiple_of(block) - size).unwrap_or(0)
}
