//! Puts the tar and the index together, in order, and cuts both into frames.

use std::collections::VecDeque;
use std::io::{self, Read};

use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::release::Content;
use bulla_schemas::{Digest, EntryPath};
use sha2::{Digest as _, Sha256};

use super::cache::FrameCache;
use super::error::WriteError;
use super::failure::{Failure, Stopped};
use super::options::WriteOptions;
use super::plan::{Plan, PlannedEntry, PlannedKind};
use super::pool::{Frames, Pool, Target};
use super::read_ahead::ReadFile;
use super::spool::Spool;
use super::stream::{FrameStream, IndexStream};
use crate::canonical::{BLOCK, END, Header, padding};
use crate::cut;
use crate::limits::{LimitError, Limits};
use crate::progress::Progress;
use crate::source::SourceTree;

/// Bytes read at once from a file that is streamed.
const PIECE: usize = 256 * 1024;

/// The payload but for its seek table, the index, and what the release document says of them.
pub(super) struct Assembled {
    pub(super) entries: Vec<IndexEntry>,
    pub(super) index: Content,
    /// The size of the tar in bytes.
    pub(super) tar: u64,
    pub(super) frames: Frames,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Reads every file of the plan once and writes payload and index.
pub(super) fn assemble(
    tree: &dyn SourceTree,
    plan: &Plan,
    level: u8,
    cache: Option<&dyn FrameCache>,
    options: &WriteOptions,
    progress: &dyn Progress,
) -> Result<Assembled, Failure> {
    let files = plan
        .entries()
        .iter()
        .filter_map(|entry| match entry.kind {
            PlannedKind::File { position, .. } => Some((&entry.path, position)),
            _ => None,
        })
        .collect();
    let spool = Spool::new(&options.spool)?;
    let pool = Pool::new(tree, files, level, cache, options, spool);
    progress.start(None);
    let (made, frames) = pool.run(options.threads.get(), |pool| {
        Assembly::new(pool, &options.limits, progress).run(plan)
    })?;
    Ok(Assembled {
        entries: made.entries,
        index: made.index,
        tar: made.tar,
        frames,
        files: made.files,
        bytes: made.bytes,
    })
}

/// What the assembly knows at its end.
struct Made {
    entries: Vec<IndexEntry>,
    index: Content,
    tar: u64,
    files: u64,
    bytes: u64,
}

struct Assembly<'a, 'p> {
    pool: &'p Pool<'a>,
    limits: &'p Limits,
    progress: &'p dyn Progress,
    tar: FrameStream<'a, 'p>,
    index: IndexStream<'a, 'p>,
    /// Files that were read and not yet put into the tar.
    ready: VecDeque<ReadFile>,
    files: u64,
    bytes: u64,
}

impl<'a, 'p> Assembly<'a, 'p> {
    fn new(pool: &'p Pool<'a>, limits: &'p Limits, progress: &'p dyn Progress) -> Self {
        Self {
            pool,
            limits,
            progress,
            tar: FrameStream::new(pool, Target::Payload, cut::PAYLOAD),
            index: IndexStream::new(pool),
            ready: VecDeque::new(),
            files: 0,
            bytes: 0,
        }
    }

    fn run(mut self, plan: &Plan) -> Result<Made, Stopped> {
        let mut entries = Vec::with_capacity(plan.entries().len());
        for planned in plan.entries() {
            let entry = self.push_entry(planned)?;
            self.index.push(&entry)?;
            entries.push(entry);
            self.check_sizes()
                .map_err(|error| self.pool.fail(WriteError::from(error)))?;
        }
        self.tar.push(&END)?;
        let tar = self.tar.finish()?;
        let index = self.index.finish()?;
        self.pool.drain()?;
        Ok(Made {
            entries,
            index,
            tar,
            files: self.files,
            bytes: self.bytes,
        })
    }

    /// Puts one entry into the tar and returns it as the index has it.
    fn push_entry(&mut self, planned: &PlannedEntry) -> Result<IndexEntry, Stopped> {
        let path = &planned.path;
        let kind = match &planned.kind {
            PlannedKind::Directory => {
                self.push_header(Header::directory(path.as_str()))?;
                EntryKind::Directory
            }
            PlannedKind::Link { target } => {
                self.push_header(Header::link(path.as_str(), target.as_str()))?;
                EntryKind::Link {
                    target: target.clone(),
                }
            }
            PlannedKind::File { executable, .. } => self.push_file(path, *executable)?,
        };
        Ok(IndexEntry {
            path: path.clone(),
            kind,
        })
    }

    fn push_file(&mut self, path: &EntryPath, executable: bool) -> Result<EntryKind, Stopped> {
        let (size, digest) = match self.next_file()? {
            ReadFile::Memory { bytes, digest } => {
                let size = bytes.len() as u64;
                self.push_header(Header::file(path.as_str(), executable, size))?;
                self.tar.push(&bytes)?;
                self.progress.advance(size);
                (size, digest)
            }
            ReadFile::Stream { size, reader } => {
                self.push_header(Header::file(path.as_str(), executable, size))?;
                (size, self.push_stream(path, size, reader)?)
            }
        };
        self.tar.push(&[0; BLOCK][..padding(size)])?;
        self.files += 1;
        self.bytes += size;
        Ok(EntryKind::File {
            executable,
            size,
            digest,
        })
    }

    fn push_header(&mut self, header: Header<'_>) -> Result<(), Stopped> {
        let mut bytes = Vec::with_capacity(BLOCK);
        header.write(&mut bytes);
        self.tar.push(&bytes)
    }

    /// Puts a content into the tar piece by piece and returns its digest.
    fn push_stream(
        &mut self,
        path: &EntryPath,
        size: u64,
        mut reader: Box<dyn Read + Send>,
    ) -> Result<Digest, Stopped> {
        let mut digest = Sha256::new();
        let mut piece = vec![0; PIECE];
        let mut found = 0;
        loop {
            let len = read(&mut reader, &mut piece).map_err(|source| {
                self.pool.fail(WriteError::Read {
                    path: path.clone(),
                    source,
                })
            })?;
            found += len as u64;
            if found > size || (len == 0 && found < size) {
                return Err(self.pool.fail(WriteError::Size {
                    path: path.clone(),
                    expected: size,
                    found,
                }));
            }
            if len == 0 {
                return Ok(digest.finalize().into());
            }
            digest.update(&piece[..len]);
            self.tar.push(&piece[..len])?;
            self.progress.advance(len as u64);
        }
    }

    fn next_file(&mut self) -> Result<ReadFile, Stopped> {
        loop {
            if let Some(file) = self.ready.pop_front() {
                return Ok(file);
            }
            self.ready.extend(self.pool.next_files()?);
        }
    }

    fn check_sizes(&self) -> Result<(), LimitError> {
        self.limits.check_tar_size(self.tar.size())?;
        self.limits.check_index_size(self.index.size())
    }
}

fn read(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
