//! Packs a tree of which most is known from an earlier bundle.
//!
//! ```text
//! plan -> survey    files that are not known are read and digested
//!      -> index     every line of it is known now
//!      -> kept      which frames of the earlier payload stand in this one
//!      -> cut       only what lies between them is read, cut and compressed
//! ```

use std::panic::resume_unwind;
use std::thread;

use bulla_schemas::index::{EntryKind, IndexEntry};
use bytes::{Buf as _, BytesMut};

use super::assembly::Assembled;
use super::cache::{Earlier, Previous};
use super::error::WriteError;
use super::failure::{Failure, Stopped};
use super::frames::FrameContent;
use super::kept::Kept;
use super::options::WriteOptions;
use super::plan::Plan;
use super::pool::{Pool, Target};
use super::spool::Spool;
use super::stream::IndexStream;
use super::survey::survey;
use super::tar_reader::TarReader;
use crate::canonical::layout;
use crate::cut::PAYLOAD;
use crate::limits::Limits;
use crate::progress::Progress;
use crate::source::SourceTree;

/// Tells whether so much of the plan is known that it pays to read the rest twice.
pub(super) fn is_worthwhile(plan: &Plan) -> bool {
    let (unknown, files) = plan.unknown();
    unknown <= files / 8
}

/// Reads what is not known of the plan and writes payload and index.
pub(super) fn assemble(
    tree: &dyn SourceTree,
    plan: &Plan,
    level: u8,
    earlier: &Earlier<'_>,
    previous: &Previous,
    options: &WriteOptions,
    progress: &dyn Progress,
) -> Result<Assembled, Failure> {
    let limits = &options.limits;
    let entries = survey(tree, plan, limits)?;
    let (spans, size) = layout(&entries).ok_or(Failure::Forgotten)?;
    limits.check_tar_size(size).map_err(WriteError::from)?;
    let kept = Kept::new(previous, &entries, &spans, size).ok_or(Failure::Forgotten)?;

    progress.start(Some(size));
    let spool = Spool::new(&options.spool)?;
    let pool = Pool::new(
        tree,
        Vec::new(),
        level,
        Some(earlier.frames),
        options,
        spool,
    );
    let (index, frames) = pool.run(options.threads.get(), |pool| {
        let reader = TarReader::new(tree, plan, &entries, &spans, size);
        let index = thread::scope(|scope| {
            let index = scope.spawn(|| push_index(pool, &entries, limits));
            cut(pool, &kept, reader, size, progress)?;
            index.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        pool.drain()?;
        Ok(index)
    })?;
    let (files, bytes) = sums(&entries);
    Ok(Assembled {
        entries,
        index,
        tar: size,
        frames,
        files,
        bytes,
    })
}

fn push_index(
    pool: &Pool<'_>,
    entries: &[IndexEntry],
    limits: &Limits,
) -> Result<bulla_schemas::release::Content, Stopped> {
    let mut index = IndexStream::new(pool);
    for entry in entries {
        index.push(entry)?;
    }
    limits
        .check_index_size(index.size())
        .map_err(|error| pool.fail(WriteError::from(error)))?;
    index.finish()
}

/// Hands out every frame of the payload: the kept ones by name, the others with their content.
fn cut(
    pool: &Pool<'_>,
    kept: &Kept<'_>,
    mut reader: TarReader<'_>,
    size: u64,
    progress: &dyn Progress,
) -> Result<(), Stopped> {
    // What was read from `offset` on.
    let mut buffer = BytesMut::new();
    let mut offset = 0;
    for position in 0.. {
        if offset == size {
            break;
        }
        let (content, len) = if let Some(record) = kept.frame_at(offset) {
            let len = usize::try_from(record.size).unwrap_or(usize::MAX);
            buffer.advance(buffer.len().min(len));
            (FrameContent::Kept(record), record.size)
        } else {
            let len = next_cut(&mut reader, &mut buffer, offset, size)
                .map_err(|failure| pool.fail(failure))?;
            (
                FrameContent::Bytes(buffer.split_to(len).freeze()),
                len as u64,
            )
        };
        pool.push_frame(Target::Payload, position, content)?;
        offset += len;
        progress.advance(len);
    }
    Ok(())
}

/// Reads as much as it needs to know where the frame at `offset` ends, and returns its length.
fn next_cut(
    reader: &mut TarReader<'_>,
    buffer: &mut BytesMut,
    offset: u64,
    size: u64,
) -> Result<usize, Failure> {
    let rest = usize::try_from(size - offset).unwrap_or(usize::MAX);
    let largest = PAYLOAD.maximum.min(rest);
    for look in [PAYLOAD.first_look().min(largest), largest] {
        if buffer.len() < look {
            reader.read(offset + buffer.len() as u64, look - buffer.len(), buffer)?;
        }
        if let Some(len) = PAYLOAD.cut_within(buffer) {
            return Ok(len);
        }
    }
    // All that is left of the stream was seen.
    Ok(PAYLOAD.cut(buffer))
}

fn sums(entries: &[IndexEntry]) -> (u64, u64) {
    entries.iter().fold((0, 0), |(files, bytes), entry| {
        if let EntryKind::File { size, .. } = entry.kind {
            (files + 1, bytes + size)
        } else {
            (files, bytes)
        }
    })
}
