//! Files that are read before the assembly asks for them.

use std::io::Read;

use bulla_schemas::{Digest, EntryPath};

use super::error::WriteError;
use crate::limits::Limits;
use crate::source::{Content, SourceTree};

/// Files from this size on are not read ahead but handed on to be streamed.
const STREAMED: u64 = 1024 * 1024;

/// A file that was read ahead.
pub(super) enum ReadFile {
    /// All of it, and its digest.
    Memory { bytes: Vec<u8>, digest: Digest },
    /// Too large to be read ahead.
    Stream {
        size: u64,
        reader: Box<dyn Read + Send>,
    },
}

impl ReadFile {
    /// What the file counts against the bytes that are read ahead; an open stream counts too.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Memory { bytes, .. } => bytes.len() as u64,
            Self::Stream { .. } => STREAMED,
        }
    }
}

/// Reads the file at `position` of the source, unless it is so large that it is streamed.
pub(super) fn read_file(
    tree: &dyn SourceTree,
    limits: &Limits,
    path: &EntryPath,
    position: usize,
) -> Result<ReadFile, WriteError> {
    let cannot_read = |source| WriteError::Read {
        path: path.clone(),
        source,
    };
    let content = tree.content(position).map_err(cannot_read)?;
    limits.check_file_size(path, content.size())?;
    match content {
        Content::Memory(bytes) => Ok(in_memory(bytes)),
        Content::Stream { size, reader } if size >= STREAMED => {
            Ok(ReadFile::Stream { size, reader })
        }
        Content::Stream { size, reader } => {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            let most = size + 1;
            reader
                .take(most)
                .read_to_end(&mut bytes)
                .map_err(cannot_read)?;
            if bytes.len() as u64 == size {
                Ok(in_memory(bytes))
            } else {
                Err(WriteError::Size {
                    path: path.clone(),
                    expected: size,
                    found: bytes.len() as u64,
                })
            }
        }
    }
}

fn in_memory(bytes: Vec<u8>) -> ReadFile {
    let digest = Digest::of(&bytes);
    ReadFile::Memory { bytes, digest }
}
