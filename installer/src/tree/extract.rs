//! Writes a tree: a verified bundle and a plan become files in a new directory.
//!
//! ```text
//! .staging/<64 hex>/      0700 until everything is in it
//!   directories           first, writable
//!   files                 by several threads, while the payload still arrives
//!   links                 last, so that nothing can be written through one
//!   .bulla-release        then the directories lose their write bits
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

use crate::failpoint::failpoint;
use crate::platform::files::{self, OnPath as _};
use crate::platform::stamp::Stamp;
use crate::state::record::TreeRecord;
use crate::tree::descent::Descent;
use crate::tree::error::TreeError;
use crate::tree::expected::ExpectedKind;

pub(crate) use frames::Frames;
pub(crate) use work::Extraction;
use work::Work;
use worker::Worker;

/// A tree that was written, and how.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) record: TreeRecord,
    /// How many files were cloned, copied and hard-linked from other trees.
    pub(crate) shared: [u64; 3],
}

/// Writes the tree. Returns when all frames have arrived and everything is written, or at the
/// first error.
pub(crate) fn extract(
    extraction: &Extraction<'_>,
    frames: &Frames,
) -> Result<Extracted, TreeError> {
    make_directories(extraction)?;
    failpoint!("extract::directories-made");
    let work = Work::new(extraction, frames);
    let stamps = write_files(&work)?;
    seal::make_links(extraction)?;
    failpoint!("extract::links-made");
    let record = seal::seal(extraction, &stamps)?;
    Ok(Extracted {
        record,
        shared: work.shared.counts(),
    })
}

/// Makes the top and all directories that are not there yet.
fn make_directories(extraction: &Extraction<'_>) -> Result<(), TreeError> {
    let top = extraction.top;
    files::create_private_directory(top)?;
    let mut descent = Descent::open(top).on("open", top)?;
    for path in &extraction.plan.expected {
        if matches!(path.kind, ExpectedKind::Directory) {
            descent
                .parent_of(&path.path)
                .and_then(|(parent, name)| {
                    match rustix::fs::mkdirat(parent, name, rustix::fs::Mode::RWXU) {
                        // In a recycled tree; going into it later refuses anything but a directory.
                        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
                        Err(error) => Err(error.into()),
                    }
                })
                .on("create the directory", top.join(path.path.as_ref()))?;
        }
    }
    Ok(())
}

/// Lets several threads write, and returns the stamps by position in the plan's files.
fn write_files(work: &Work<'_>) -> Result<Vec<Option<Stamp>>, TreeError> {
    let threads = work.extraction.threads.get();
    let results: Vec<Result<Vec<(usize, Stamp)>, TreeError>> = std::thread::scope(|scope| {
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
    let mut stamps = vec![None; work.extraction.plan.files.len()];
    for result in results {
        for (file, stamp) in result? {
            stamps[file] = Some(stamp);
        }
    }
    Ok(stamps)
}
