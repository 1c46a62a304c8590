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
mod worker;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bulla_bundle::{Progress, VerifiedBundle};

use crate::descent::Descent;
use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::expected::ExpectedKind;
use crate::failpoint::failpoint;
use crate::plan::{LocalTree, Origin, Plan};
use crate::record::TreeRecord;
use crate::share::{Link, Shared};
use crate::stamp::Stamp;

use assembly::Assembly;
pub(crate) use frames::Frames;
use worker::Worker;
pub(crate) use worker::timespec;

/// Everything that extraction reads.
pub(crate) struct Extraction<'a> {
    pub(crate) bundle: &'a VerifiedBundle,
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) trees: &'a [LocalTree],
    /// Where the tree is written.
    pub(crate) top: &'a Path,
    /// The text of `.bulla-release`.
    pub(crate) release_note: &'a [u8],
    pub(crate) link: Link,
    pub(crate) threads: NonZeroUsize,
    pub(crate) progress: &'a dyn Progress,
}

/// A tree that was written, and how.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) record: TreeRecord,
    /// How many files were cloned, copied and hard-linked from other trees.
    pub(crate) shared: [u64; 3],
}

/// A file that comes from the payload, and where it lies in the tar.
struct FromPayload {
    file: usize,
    content: Range<u64>,
}

/// What the threads share.
struct Work<'a> {
    extraction: &'a Extraction<'a>,
    frames: &'a Frames,
    /// In the order of the tar.
    from_payload: Vec<FromPayload>,
    /// Positions in the plan of the files that need no frame.
    others: Vec<usize>,
    next_other: AtomicUsize,
    /// Files that lie in several frames, by their position in the plan.
    assemblies: HashMap<usize, Mutex<Option<Assembly>>>,
    shared: Shared,
    done: AtomicUsize,
    stopped: AtomicBool,
}

/// Writes the tree. Returns when all frames have arrived and everything is written, or at the
/// first error.
pub(crate) fn extract(extraction: &Extraction<'_>, frames: &Frames) -> Result<Extracted, Error> {
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

impl Extraction<'_> {
    /// Returns where a planned file is written.
    fn path_of(&self, file: usize) -> &str {
        &self.plan.expected[self.plan.files[file].expected].path
    }

    fn full_path(&self, path: &str) -> PathBuf {
        self.top.join(path)
    }
}

impl<'a> Work<'a> {
    fn new(extraction: &'a Extraction<'a>, frames: &'a Frames) -> Self {
        let (mut from_payload, mut others) = (Vec::new(), Vec::new());
        let mut assemblies = HashMap::new();
        for (position, file) in extraction.plan.files.iter().enumerate() {
            match file.origin {
                Origin::Payload if file.size > 0 => {
                    let content = extraction.bundle.layout()[file.entry].content.clone();
                    if extraction.bundle.frames_of(content.clone()).len() > 1 {
                        assemblies.insert(position, Mutex::new(None));
                    }
                    from_payload.push(FromPayload {
                        file: position,
                        content,
                    });
                }
                Origin::Payload | Origin::Tree { .. } => others.push(position),
                Origin::InPlace => {}
            }
        }
        Self {
            extraction,
            frames,
            from_payload,
            others,
            next_other: AtomicUsize::new(0),
            assemblies,
            shared: Shared::default(),
            done: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Counts a written file.
    fn finished(&self, size: u64) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done == (self.from_payload.len() + self.others.len()).div_ceil(2) {
            failpoint!("extract::half-of-the-files");
        }
        self.extraction.progress.advance(size);
    }
}

/// Makes the top and all directories that are not there yet.
fn make_directories(extraction: &Extraction<'_>) -> Result<(), Error> {
    let top = extraction.top;
    durable::create_private_directory(top)?;
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
fn write_files(work: &Work<'_>) -> Result<Vec<Option<Stamp>>, Error> {
    let threads = work.extraction.threads.get();
    let results: Vec<Result<Vec<(usize, Stamp)>, Error>> = std::thread::scope(|scope| {
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
            .map(|thread| thread.join().unwrap_or(Err(Error::ThreadDied)))
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
