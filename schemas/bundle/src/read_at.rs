//! Reads a file at a position without moving a cursor that others share.

use std::fs::File;
use std::io;

/// Reads some bytes at `position`; returns 0 at the end.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

/// Reads some bytes at `position`; returns 0 at the end.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}
