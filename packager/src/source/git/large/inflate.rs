//! Zlib streams, which objects and deltas are.

use std::fs::File;
use std::io::{self, BufReader, Read};

use gix::zlib::{Decompress, stream::inflate};

/// Says how an object is damaged.
pub(super) fn damaged(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Reads what a zlib stream holds; its checksum is verified at the end.
pub(super) struct Inflating {
    file: BufReader<File>,
    state: Decompress,
}

impl Inflating {
    pub(super) fn new(file: File) -> Self {
        Self::over(BufReader::new(file))
    }

    pub(super) fn over(file: BufReader<File>) -> Self {
        Self {
            file,
            state: Decompress::new(),
        }
    }
}

impl Read for Inflating {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        inflate::read(&mut self.file, &mut self.state, buffer)
    }
}
