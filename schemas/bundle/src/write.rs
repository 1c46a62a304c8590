//! The writer: a tree and a seed become the one possible bundle.
//!
//! ```text
//! SourceTree -> plan      sorted, complete, checked
//!            -> pool      threads read files ahead and digest them ...
//!            -> assembly  ... one thread puts the tar together in order and cuts it ...
//!            -> pool      ... threads compress the frames ...
//!            -> sink      ... which are written in order to the spool file
//!            -> Bundle    release document, index, frame table, manifest
//! ```
//!
//! The threads share one pool, so that all of them read or compress, whatever is needed; what is
//! read ahead and what waits to be written is bounded in bytes. The result depends on nothing but
//! the tree and the seed. With what an earlier pack left, `repack` takes the place of the first
//! half: frames that cannot have changed are taken over without reading their files.

mod assembly;
mod cache;
mod error;
mod failure;
mod frames;
mod kept;
mod options;
mod plan;
mod pool;
mod read_ahead;
mod repack;
mod sink;
mod spool;
mod stream;
mod survey;
mod tar_reader;

use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::manifest::Manifest;
use bulla_schemas::recipe::Platform;
use bulla_schemas::release::{Content, ReleaseDocument};
use bulla_schemas::{Codec, Digest};

pub use cache::{CachedFrame, Earlier, FrameCache, Previous};
pub use error::WriteError;
pub use options::{ReleaseSeed, WriteOptions};
pub(crate) use spool::Spool;

use crate::bundle::Bundle;
use crate::document::{self, Blobs};
use crate::frame;
use crate::frame_table;
use crate::limits::{LimitError, Limits};
use crate::progress::Progress;
use crate::seek_table;
use crate::source::SourceTree;
use crate::windows::{NameProblem, windows_problems};
use assembly::Assembled;
use failure::Failure;
use plan::Plan;
use pool::Frames;

/// Packs `tree` into the one possible bundle.
pub fn write(
    tree: &dyn SourceTree,
    seed: ReleaseSeed,
    options: &WriteOptions,
    progress: &dyn Progress,
) -> Result<Bundle, WriteError> {
    rewrite(tree, seed, options, None, progress)
}

/// Packs `tree` into the one possible bundle with what an earlier pack left. The bundle is the
/// same as without.
pub fn rewrite(
    tree: &dyn SourceTree,
    seed: ReleaseSeed,
    options: &WriteOptions,
    earlier: Option<Earlier<'_>>,
    progress: &dyn Progress,
) -> Result<Bundle, WriteError> {
    check_codec(&seed.codec)?;
    seed.source.validate()?;
    seed.install.validate()?;
    let plan = Plan::new(tree, &seed.install, &options.limits)?;
    let problems = check_names(&plan, &seed.platforms)?;
    let assembled = assemble(tree, &plan, seed.codec.level(), options, earlier, progress)?;
    finish(seed, assembled, problems, &options.limits)
}

/// Reads only what changed, where that is known and pays, else everything.
fn assemble(
    tree: &dyn SourceTree,
    plan: &Plan,
    level: u8,
    options: &WriteOptions,
    earlier: Option<Earlier<'_>>,
    progress: &dyn Progress,
) -> Result<Assembled, WriteError> {
    if let Some(earlier) = &earlier
        && let Some(previous) = earlier.previous
        && repack::is_worthwhile(plan)
    {
        match repack::assemble(tree, plan, level, earlier, previous, options, progress) {
            Ok(assembled) => return Ok(assembled),
            Err(Failure::Error(error)) => return Err(error),
            Err(Failure::Forgotten) => {}
        }
    }
    let cache = earlier.map(|earlier| earlier.frames);
    match assembly::assemble(tree, plan, level, cache, options, progress) {
        Ok(assembled) => Ok(assembled),
        Err(Failure::Error(error)) => Err(error),
        Err(Failure::Forgotten) => unreachable!("only kept frames can be forgotten"),
    }
}

/// The bytes of a frame depend on the exact libzstd, so another one is as wrong as another codec.
fn check_codec(codec: &Codec) -> Result<(), WriteError> {
    if let Some(found) = frame::other_library() {
        return Err(WriteError::Library { found });
    }
    if codec.is_current() {
        Ok(())
    } else {
        Err(WriteError::Codec {
            found: codec.clone(),
        })
    }
}

fn check_names(plan: &Plan, platforms: &[Platform]) -> Result<Vec<NameProblem>, WriteError> {
    let problems = windows_problems(plan.entries().iter().map(|entry| &entry.path));
    if platforms.contains(&Platform::Windows) && !problems.is_empty() {
        return Err(WriteError::Windows { problems });
    }
    Ok(problems)
}

/// Names the largest file, which is the likeliest to have made the tar compress that far.
fn with_largest(error: LimitError, entries: &[IndexEntry]) -> WriteError {
    let files = entries.iter().filter_map(|entry| match entry.kind {
        EntryKind::File { size, .. } => Some((size, &entry.path)),
        EntryKind::Directory | EntryKind::Link { .. } => None,
    });
    match files.max_by_key(|(size, _)| *size) {
        Some((size, path)) => WriteError::Ratio {
            path: path.clone(),
            size,
            source: error,
        },
        None => error.into(),
    }
}

/// Writes the documents around a payload and an index.
fn finish(
    seed: ReleaseSeed,
    assembled: Assembled,
    problems: Vec<NameProblem>,
    limits: &Limits,
) -> Result<Bundle, WriteError> {
    let Assembled {
        entries,
        index,
        tar,
        frames: Frames {
            payload,
            index: index_frames,
        },
        files,
        bytes,
    } = assembled;
    let level = seed.codec.level();
    let release = ReleaseDocument {
        format: ReleaseDocument::FORMAT,
        project: seed.project,
        source: seed.source,
        recipe: seed.recipe,
        codec: seed.codec,
        tar,
        index,
        files,
        bytes,
        install: seed.install,
    };
    let release_bytes = release.to_bytes();
    Limits::check_document(
        "release document",
        ReleaseDocument::MAX_LEN,
        release_bytes.len() as u64,
    )?;
    let table = frame_table::to_bytes(&payload.records, &index_frames.records);
    limits.check_frame_table_size(table.len() as u64)?;
    let frames_blob = frame::compress(&table, level).map_err(WriteError::Compress)?;
    let index_blob = index_frames.output;

    let (mut spool, payload_records) = (payload.output, payload.records);
    let seek_table = seek_table::to_bytes(payload_records.iter())
        .ok_or(WriteError::TooManyFrames(payload_records.len()))?;
    spool.append(&seek_table)?;
    let payload = spool.content();
    limits
        .check_ratio(tar, payload.size)
        .map_err(|error| with_largest(error, &entries))?;

    let blobs = Blobs {
        release: content_of(&release_bytes),
        payload,
        index: content_of(&index_blob),
        frames: content_of(&frames_blob),
    };
    let manifest = document::manifest(&release, &blobs);
    let manifest_bytes = manifest.to_bytes();
    Limits::check_document("manifest", Manifest::MAX_LEN, manifest_bytes.len() as u64)?;
    Ok(Bundle {
        hash: Digest::of(&manifest_bytes),
        manifest,
        manifest_bytes,
        release,
        release_bytes: release_bytes.into(),
        payload: spool,
        index_blob: index_blob.into(),
        frames_blob: frames_blob.into(),
        entries,
        payload_frames: payload_records,
        problems,
    })
}

fn content_of(bytes: &[u8]) -> Content {
    Content {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    }
}
