//! `TarReader`: any part of the tar that entries imply, read from the source on demand.

use std::io::{self, Read};

use bulla_schemas::Digest;
use bulla_schemas::index::{EntryKind, IndexEntry};
use bytes::{BufMut as _, BytesMut};

use super::error::WriteError;
use super::failure::Failure;
use super::plan::{Plan, PlannedKind};
use crate::canonical::{Header, TarSpan};
use crate::source::{Content, SourceTree};

/// Reads best from front to back: the last content stays open.
pub(super) struct TarReader<'a> {
    tree: &'a dyn SourceTree,
    plan: &'a Plan,
    entries: &'a [IndexEntry],
    spans: &'a [TarSpan],
    size: u64,
    open: Option<OpenFile>,
}

struct OpenFile {
    /// The entry.
    position: usize,
    content: OpenContent,
}

enum OpenContent {
    Memory(Vec<u8>),
    Stream {
        reader: Box<dyn Read + Send>,
        /// How much of it was read.
        at: u64,
    },
}

impl<'a> TarReader<'a> {
    pub(super) fn new(
        tree: &'a dyn SourceTree,
        plan: &'a Plan,
        entries: &'a [IndexEntry],
        spans: &'a [TarSpan],
        size: u64,
    ) -> Self {
        Self {
            tree,
            plan,
            entries,
            spans,
            size,
            open: None,
        }
    }

    /// Appends `len` bytes from `offset` on.
    pub(super) fn read(
        &mut self,
        mut offset: u64,
        len: usize,
        buffer: &mut BytesMut,
    ) -> Result<(), Failure> {
        let end = offset + len as u64;
        let mut position = self.spans.partition_point(|span| span.start <= offset);
        position = position.saturating_sub(1);
        while offset < end {
            let Some(span) = self.spans.get(position) else {
                break;
            };
            let next = self
                .spans
                .get(position + 1)
                .map_or(self.size, |next| next.start);
            if offset < span.content.start {
                let mut header = Vec::new();
                Header::of(&self.entries[position]).write(&mut header);
                let to = end.min(span.content.start);
                buffer.extend_from_slice(&header[part(span.start, offset, to)]);
                offset = to;
            }
            let to = end.min(span.content.end);
            if offset < to {
                self.read_content(position, offset - span.content.start, to - offset, buffer)?;
                offset = to;
            }
            let zeros = end.min(next).saturating_sub(offset);
            buffer.put_bytes(0, usize::try_from(zeros).unwrap_or(usize::MAX));
            offset += zeros;
            position += 1;
        }
        // A tar without entries is its end.
        buffer.put_bytes(0, usize::try_from(end - offset).unwrap_or(usize::MAX));
        Ok(())
    }

    fn read_content(
        &mut self,
        position: usize,
        from: u64,
        len: u64,
        buffer: &mut BytesMut,
    ) -> Result<(), Failure> {
        let is_open = self.open.as_ref().is_some_and(|open| {
            open.position == position
                && match open.content {
                    OpenContent::Memory(_) => true,
                    OpenContent::Stream { at, .. } => at <= from,
                }
        });
        if !is_open {
            self.open = Some(self.open(position)?);
        }
        let read = match self.open.as_mut().map(|open| &mut open.content) {
            None => return Ok(()),
            Some(OpenContent::Memory(bytes)) => {
                buffer.extend_from_slice(&bytes[part(0, from, from + len)]);
                Ok(())
            }
            Some(OpenContent::Stream { reader, at }) => {
                let skipped = from - *at;
                *at = from + len;
                read_stream(reader, skipped, len, buffer)
            }
        };
        read.map_err(|error| self.cannot_read(position, error))
    }

    /// Opens a file; one that is not what the entry says is not the one that was known.
    fn open(&self, position: usize) -> Result<OpenFile, Failure> {
        let (
            PlannedKind::File {
                position: in_tree, ..
            },
            EntryKind::File { size, digest, .. },
        ) = (
            &self.plan.entries()[position].kind,
            &self.entries[position].kind,
        )
        else {
            return Err(Failure::Forgotten);
        };
        let content = self
            .tree
            .content(*in_tree)
            .map_err(|error| self.cannot_read(position, error))?;
        if content.size() != *size {
            return Err(Failure::Forgotten);
        }
        let content = match content {
            Content::Memory(bytes) if Digest::of(&bytes) != *digest => {
                return Err(Failure::Forgotten);
            }
            Content::Memory(bytes) => OpenContent::Memory(bytes),
            Content::Stream { reader, .. } => OpenContent::Stream { reader, at: 0 },
        };
        Ok(OpenFile { position, content })
    }

    fn cannot_read(&self, position: usize, source: io::Error) -> Failure {
        Failure::Error(WriteError::Read {
            path: self.entries[position].path.clone(),
            source,
        })
    }
}

/// The bytes from `from` to `to` in something that begins at `start`.
fn part(start: u64, from: u64, to: u64) -> std::ops::Range<usize> {
    let index = |offset: u64| usize::try_from(offset - start).unwrap_or(usize::MAX);
    index(from)..index(to)
}

fn read_stream(
    reader: &mut dyn Read,
    skipped: u64,
    len: u64,
    buffer: &mut BytesMut,
) -> io::Result<()> {
    io::copy(&mut Read::take(&mut *reader, skipped), &mut io::sink())?;
    let copied = io::copy(&mut Read::take(reader, len), &mut buffer.writer())?;
    if copied == len {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
