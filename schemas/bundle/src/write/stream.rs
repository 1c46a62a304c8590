//! The streams that are cut into frames for the pool: the tar and the index.

use bulla_schemas::index::IndexEntry;
use bulla_schemas::release::Content;
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};

use super::failure::Stopped;
use super::frames::FrameContent;
use super::pool::{Pool, Target};
use crate::cut::{self, Sizes};

/// Frames are cut from buffers of this many largest pieces, so that little is copied from one
/// buffer to the next.
const PIECES_IN_BUFFER: usize = 2;

/// A stream of bytes that is cut into frames for the pool.
pub(super) struct FrameStream<'a, 'p> {
    pool: &'p Pool<'a>,
    target: Target,
    sizes: Sizes,
    buffer: BytesMut,
    /// How many bytes of the buffer should show the next cut.
    look: usize,
    frames: usize,
    size: u64,
}

impl<'a, 'p> FrameStream<'a, 'p> {
    pub(super) fn new(pool: &'p Pool<'a>, target: Target, sizes: Sizes) -> Self {
        Self {
            pool,
            target,
            sizes,
            buffer: BytesMut::new(),
            look: sizes.first_look(),
            frames: 0,
            size: 0,
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Stopped> {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.buffer.len() == self.buffer.capacity() {
                self.buffer.reserve(self.sizes.maximum * PIECES_IN_BUFFER);
            }
            let room = self.buffer.capacity().min(self.look) - self.buffer.len();
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.buffer.extend_from_slice(now);
            bytes = rest;
            while self.buffer.len() >= self.look {
                self.cut_within()?;
            }
        }
        Ok(())
    }

    /// Cuts a frame if the buffer shows where; else it takes more to know.
    fn cut_within(&mut self) -> Result<(), Stopped> {
        let Some(len) = self.sizes.cut_within(&self.buffer) else {
            self.look = self.sizes.maximum;
            return Ok(());
        };
        self.cut(len)
    }

    fn cut(&mut self, len: usize) -> Result<(), Stopped> {
        let frame = self.buffer.split_to(len).freeze();
        self.look = self.sizes.first_look();
        self.frames += 1;
        self.pool
            .push_frame(self.target, self.frames - 1, FrameContent::Bytes(frame))
    }

    /// Returns how many bytes were pushed.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Cuts what is left and returns the size of the whole stream.
    pub(super) fn finish(mut self) -> Result<u64, Stopped> {
        while !self.buffer.is_empty() {
            self.cut(self.sizes.cut(&self.buffer))?;
        }
        Ok(self.size)
    }
}

/// The index, line by line, with its digest.
pub(super) struct IndexStream<'a, 'p> {
    stream: FrameStream<'a, 'p>,
    digest: Sha256,
    line: Vec<u8>,
}

impl<'a, 'p> IndexStream<'a, 'p> {
    pub(super) fn new(pool: &'p Pool<'a>) -> Self {
        Self {
            stream: FrameStream::new(pool, Target::Index, cut::INDEX),
            digest: Sha256::new(),
            line: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, entry: &IndexEntry) -> Result<(), Stopped> {
        self.line.clear();
        entry.write_line(&mut self.line);
        self.digest.update(&self.line);
        self.stream.push(&self.line)
    }

    pub(super) const fn size(&self) -> u64 {
        self.stream.size()
    }

    pub(super) fn finish(self) -> Result<Content, Stopped> {
        Ok(Content {
            size: self.stream.finish()?,
            digest: self.digest.finalize().into(),
        })
    }
}
