//! `Counted`: a reader that tells how many bytes went through.

use std::io::{self, Read};

/// Reads, and tells `told` how much.
pub(crate) struct Counted<R, F> {
    pub(crate) reader: R,
    pub(crate) told: F,
}

impl<R: Read, F: Fn(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        (self.told)(read as u64);
        Ok(read)
    }
}
