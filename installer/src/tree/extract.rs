//! Writes a tree: a verified bundle and a plan become files in a new directory.
//!
//! ```text
//! .staging/<64 hex>/      0700 until everything is in it
//!   directories           first, writable
//!   files                 by several threads, while the payload still arrives
//!   links                 last, so that nothing can be written through one
//!   directories           lose their write bits
//! ```
//!
//! No handle can leave the tree ([`Descent`]), every file is new (`O_EXCL`) and has its digest
//! checked against the index. Nothing is made durable here: one `syncfs` follows.

mod assembly;
mod frames;
mod seal;
mod work;
mod worker;

use std::sync::atomic::Ordering;

use rustix::fs::{Mode, mkdirat};

use crate::failpoint::failpoint;
use crate::platform::files::{self, Attempt as _};
use crate::platform::stamp::Stamp;
use crate::state::record::TreeRecord;
use crate::tree::descent::Descent;
use crate::tree::error::TreeError;
use crate::tree::expected::ExpectedKind;
use crate::tree::recycle::Remains;
use crate::tree::share::Shared;

pub(crate) use frames::{Arrived, Frames};
pub(crate) use work::Extraction;
use work::Work;
use worker::{Worker, Written};

/// A tree that was written, and how.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) record: TreeRecord,
    /// How many files were cloned, copied and hard-linked from other trees.
    pub(crate) shared: [u64; 3],
}

/// A tree that is being written.
pub(crate) struct Extractor<'a> {
    extraction: &'a Extraction<'a>,
    /// By position in the plan's files.
    stamps: Vec<Option<Stamp>>,
    shared: Shared,
}

impl<'a> Extractor<'a> {
    /// Makes the directories.
    pub(crate) fn begin(extraction: &'a Extraction<'a>) -> Result<Self, TreeError> {
        make_directories(extraction)?;
        failpoint!("extract::directories-made");
        Ok(Self {
            extraction,
            stamps: vec![None; extraction.plan.files.len()],
            shared: Shared::default(),
        })
    }

    /// Writes all files from where the plan says. Returns when all frames have arrived and
    /// everything is written, or at the first error. Returned are the files whose copy in another
    /// tree is not what it was: they are not written.
    pub(crate) fn write_planned(&mut self, frames: &Frames) -> Result<Vec<usize>, TreeError> {
        let work = Work::planned(self.extraction, frames, &self.shared);
        let written = write_files(&work)?;
        self.keep(written.stamps);
        Ok(written.distrusted)
    }

    /// Writes files from the payload, wherever the plan would have taken them from.
    pub(crate) fn write_from_payload(
        &mut self,
        files: &[usize],
        frames: &Frames,
    ) -> Result<(), TreeError> {
        let work = Work::from_payload(self.extraction, frames, &self.shared, files);
        let written = write_files(&work)?;
        self.keep(written.stamps);
        Ok(())
    }

    fn keep(&mut self, stamps: Vec<(usize, Stamp)>) {
        for (file, stamp) in stamps {
            self.stamps[file] = Some(stamp);
        }
    }

    /// Makes the links and closes the tree.
    pub(crate) fn finish(self) -> Result<Extracted, TreeError> {
        seal::make_links(self.extraction)?;
        failpoint!("extract::links-made");
        Ok(Extracted {
            record: seal::seal(self.extraction, &self.stamps)?,
            shared: self.shared.counts(),
        })
    }
}

/// Makes the top and all directories that are not there yet.
fn make_directories(extraction: &Extraction<'_>) -> Result<(), TreeError> {
    let top = extraction.top;
    files::create_private_directory(top)?;
    let mut descent = Descent::open(top).attempt("open", top)?;
    for path in &extraction.plan.expected {
        let is_there = |remains: &Remains<'_>| remains.has_directory(&path.path);
        if !matches!(path.kind, ExpectedKind::Directory) || extraction.remains.is_some_and(is_there)
        {
            continue;
        }
        descent
            .parent_of(&path.path)
            .and_then(|(parent, name)| Ok(mkdirat(parent, name, Mode::RWXU)?))
            .attempt("create the directory", top.join(path.path.as_ref()))?;
    }
    Ok(())
}

/// Lets several threads write, and returns what all of them did.
fn write_files(work: &Work<'_>) -> Result<Written, TreeError> {
    let threads = work.extraction.threads.get();
    let results: Vec<Result<Written, TreeError>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let result = Worker::open(work).and_then(Worker::run);
                    if result.is_err() {
                        work.stopped.store(true, Ordering::Relaxed);
                    }
                    result
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(TreeError::ThreadDied)))
            .collect()
    });
    let mut all = Written::default();
    for result in results {
        let written = result?;
        all.stamps.extend(written.stamps);
        all.distrusted.extend(written.distrusted);
    }
    all.distrusted.sort_unstable();
    Ok(all)
}
