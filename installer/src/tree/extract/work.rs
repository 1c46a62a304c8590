//! What there is to write, and what the threads that write it share.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bulla_bundle::{Progress, VerifiedBundle};

use super::assembly::Assembly;
use super::frames::Frames;
use crate::config::Link;
use crate::failpoint::failpoint;
use crate::tree::plan::{LocalTree, Origin, Plan};
use crate::tree::recycle::Remains;
use crate::tree::share::Shared;

/// Everything that extraction reads.
pub(crate) struct Extraction<'a> {
    pub(crate) bundle: &'a VerifiedBundle,
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) trees: &'a [LocalTree],
    /// Where the tree is written.
    pub(crate) top: &'a Path,
    /// What is there already, of a tree that is recycled.
    pub(crate) remains: Option<&'a Remains<'a>>,
    pub(crate) link: Link,
    pub(crate) threads: NonZeroUsize,
    pub(crate) progress: &'a dyn Progress,
}

/// A file that comes from the payload, and where it lies in the tar.
pub(super) struct FromPayload {
    pub(super) file: usize,
    pub(super) content: Range<u64>,
}

/// What the threads share.
pub(super) struct Work<'a> {
    pub(super) extraction: &'a Extraction<'a>,
    pub(super) frames: &'a Frames,
    /// In the order of the tar.
    pub(super) from_payload: Vec<FromPayload>,
    /// Positions in the plan of the files that need no frame.
    pub(super) others: Vec<usize>,
    pub(super) next_other: AtomicUsize,
    /// Files that lie in several frames, by their position in the plan.
    pub(super) assemblies: HashMap<usize, Mutex<Option<Assembly>>>,
    pub(super) shared: &'a Shared,
    pub(super) done: AtomicUsize,
    pub(super) stopped: AtomicBool,
}

impl Extraction<'_> {
    /// Returns where a planned file is written.
    pub(super) fn path_of(&self, file: usize) -> &str {
        &self.plan.expected[self.plan.files[file].expected].path
    }

    pub(super) fn full_path(&self, path: &str) -> PathBuf {
        self.top.join(path)
    }
}

impl<'a> Work<'a> {
    /// All files, each from where the plan says.
    pub(super) fn planned(
        extraction: &'a Extraction<'a>,
        frames: &'a Frames,
        shared: &'a Shared,
    ) -> Self {
        let mut work = Self::none(extraction, frames, shared);
        for (position, file) in extraction.plan.files.iter().enumerate() {
            match file.origin {
                Origin::Payload if file.size > 0 => work.take_from_payload(position),
                Origin::Payload | Origin::Tree { .. } => work.others.push(position),
                Origin::InPlace { .. } => {}
            }
        }
        work
    }

    /// Some files, all from the payload.
    pub(super) fn from_payload(
        extraction: &'a Extraction<'a>,
        frames: &'a Frames,
        shared: &'a Shared,
        files: &[usize],
    ) -> Self {
        let mut work = Self::none(extraction, frames, shared);
        for position in files {
            work.take_from_payload(*position);
        }
        work
    }

    fn none(extraction: &'a Extraction<'a>, frames: &'a Frames, shared: &'a Shared) -> Self {
        Self {
            extraction,
            frames,
            from_payload: Vec::new(),
            others: Vec::new(),
            next_other: AtomicUsize::new(0),
            assemblies: HashMap::new(),
            shared,
            done: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    fn take_from_payload(&mut self, position: usize) {
        let bundle = self.extraction.bundle;
        let entry = self.extraction.plan.files[position].entry;
        let content = bundle.layout()[entry].content.clone();
        if bundle.frames_of(content.clone()).len() > 1 {
            self.assemblies.insert(position, Mutex::new(None));
        }
        self.from_payload.push(FromPayload {
            file: position,
            content,
        });
    }

    /// Counts a written file.
    pub(super) fn finished(&self, size: u64) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done == (self.from_payload.len() + self.others.len()).div_ceil(2) {
            failpoint!("extract::half-of-the-files");
        }
        self.extraction.progress.advance(size);
    }
}
