//! One of the threads that write files: it takes frames as they arrive, and meanwhile files that
//! are already on this disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use bulla_schemas::Digest;
use rustix::fs::{AtFlags, Mode, OFlags, Timestamps, fchmod, fstat, futimens, openat, unlinkat};
use rustix::process::geteuid;

use super::assembly::Assembly;
use super::frames::{Arrived, Next};
use super::work::{FromPayload, Work};
use crate::config::Link;
use crate::platform::files::Attempt as _;
use crate::platform::stamp::{self, Stamp};
use crate::tree::descent::Descent;
use crate::tree::error::TreeError;
use crate::tree::plan::{Origin, PlannedFile};
use crate::tree::share::{self, Way};

/// How many files are taken at once when they come from this disk.
const BATCH: usize = 64;

pub(super) struct Worker<'a> {
    work: &'a Work<'a>,
    descent: Descent,
    /// Ways into the other trees.
    sources: Vec<Descent>,
    buffer: Vec<u8>,
    written: Written,
}

/// What one thread wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// By position in the plan's files.
    pub(super) stamps: Vec<(usize, Stamp)>,
    /// Files whose copy in another tree is not what it was, and that are not written.
    pub(super) distrusted: Vec<usize>,
}

impl<'a> Worker<'a> {
    pub(super) fn open(work: &'a Work<'a>) -> Result<Self, TreeError> {
        let extraction = work.extraction;
        let open = |top| Descent::open(top).attempt("open", top);
        Ok(Self {
            work,
            descent: open(extraction.top)?,
            sources: extraction
                .trees
                .iter()
                .map(|tree| open(&tree.path))
                .collect::<Result<_, _>>()?,
            buffer: Vec::new(),
            written: Written::default(),
        })
    }

    /// Works until everything is written.
    pub(super) fn run(mut self) -> Result<Written, TreeError> {
        while !self.work.stopped.load(Ordering::Relaxed) {
            let next = self.work.frames.next_arrived();
            if let Next::Frame(arrived) = next {
                self.write_frame(arrived)?;
            } else if let Some(files) = self.next_others() {
                for file in files {
                    self.write_other(self.work.others[file])?;
                }
            } else if matches!(next, Next::End) {
                break;
            } else {
                match self.work.frames.wait() {
                    Some(arrived) => self.write_frame(arrived)?,
                    None => break,
                }
            }
        }
        Ok(self.written)
    }

    fn next_others(&self) -> Option<Range<usize>> {
        let all = self.work.others.len();
        let start = self.work.next_other.fetch_add(BATCH, Ordering::Relaxed);
        (start < all).then(|| start..all.min(start + BATCH))
    }

    /// Decodes a frame, where it is not, and writes what it holds of the wanted files.
    fn write_frame(&mut self, arrived: Arrived) -> Result<(), TreeError> {
        let work = self.work;
        let bundle = work.extraction.bundle;
        let (position, content) = match arrived {
            Arrived::Spooled(position) => (position, self.decode(position)?),
            Arrived::Decoded(position, content) => (position, content),
        };
        let frame = &bundle.payload_frames()[position];
        bundle.check_framing(position, &content)?;
        let held = frame.offset..frame.offset + content.len() as u64;
        let first = work
            .from_payload
            .partition_point(|wanted| wanted.content.end <= held.start);
        for wanted in &work.from_payload[first..] {
            if wanted.content.start >= held.end {
                break;
            }
            let start = wanted.content.start.max(held.start);
            let end = wanted.content.end.min(held.end);
            let piece = slice(&content, start - held.start..end - held.start);
            self.write_piece(wanted, start - wanted.content.start, piece)?;
        }
        Ok(())
    }

    fn decode(&mut self, position: usize) -> Result<Vec<u8>, TreeError> {
        let bundle = self.work.extraction.bundle;
        let frame = &bundle.payload_frames()[position];
        let read = self.work.frames.read(frame, &mut self.buffer);
        read.map_err(TreeError::ReadSpool)?;
        Ok(bundle.decode_frame(position, &self.buffer)?)
    }

    fn write_piece(
        &mut self,
        wanted: &FromPayload,
        offset: u64,
        piece: &[u8],
    ) -> Result<(), TreeError> {
        let position = wanted.file;
        let Some(assembly) = self.work.assemblies.get(&position) else {
            let mut file = self.create(position)?;
            file.write_all(piece)
                .attempt("write", self.full_path(position))?;
            return self.finish(position, &file, &Digest::of(piece));
        };
        let mut assembly = assembly.lock().unwrap_or_else(PoisonError::into_inner);
        let mut begun = match assembly.take() {
            Some(begun) => begun,
            None => Assembly::new(self.create(position)?),
        };
        let complete = begun
            .add(offset, piece)
            .attempt("write", self.full_path(position))?;
        if complete < self.planned(position).size {
            *assembly = Some(begun);
            return Ok(());
        }
        let (file, digest) = begun.finish();
        self.finish(position, &file, &digest)
    }

    /// Writes a file that needs no frame: an empty one, or one of another tree.
    fn write_other(&mut self, position: usize) -> Result<(), TreeError> {
        let planned = self.planned(position);
        let Origin::Tree { tree, recorded } = planned.origin else {
            let file = self.create(position)?;
            return self.finish(position, &file, &Digest::of(b""));
        };
        let other = &self.work.extraction.trees[tree];
        let recorded = other.record.file(recorded);
        let Ok(source) = self.sources[tree]
            .parent_of(recorded.path)
            .and_then(|(directory, name)| share::open_source(directory, name))
        else {
            self.written.distrusted.push(position);
            return Ok(());
        };
        let link = self.work.extraction.link;
        if link == Link::Hard && has_mode(&source, mode(planned.executable)) {
            return self.link(position, tree, recorded.path, &source);
        }
        let target = self.create(position)?;
        match share::fill(&source, &target, planned.size, link, &mut self.buffer)
            .attempt("copy to", self.full_path(position))?
        {
            Some((digest, way)) if digest == planned.digest => {
                self.work.shared.count(way);
                self.finish(position, &target, &digest)
            }
            // A disk that lies, or a change since the plan was made.
            _ => self.distrust(position),
        }
    }

    /// Takes back a file whose source is not what it was.
    fn distrust(&mut self, position: usize) -> Result<(), TreeError> {
        self.descent
            .parent_of(self.work.extraction.path_of(position))
            .and_then(|(directory, name)| Ok(unlinkat(directory, name, AtFlags::empty())?))
            .attempt("remove", self.full_path(position))?;
        self.written.distrusted.push(position);
        Ok(())
    }

    /// Gives another tree's file a second name in this one.
    fn link(
        &mut self,
        position: usize,
        tree: usize,
        recorded: &str,
        source: &File,
    ) -> Result<(), TreeError> {
        let planned = self.planned(position);
        let digest = share::hash(source, planned.size, &mut self.buffer, |_, _| Ok(()));
        if !digest.is_ok_and(|digest| digest == planned.digest) {
            self.written.distrusted.push(position);
            return Ok(());
        }
        let path = self.work.extraction.path_of(position);
        let linked = self.sources[tree].parent_of(recorded).and_then(|from| {
            let to = self.descent.parent_of(path)?;
            share::link(from, to)
        });
        linked.attempt("link", self.full_path(position))?;
        self.work.shared.count(Way::Linked);
        let stamp = Stamp::of(source).attempt("look at", self.full_path(position))?;
        self.keep(position, stamp);
        Ok(())
    }

    /// Creates a file that must not be there yet.
    fn create(&mut self, position: usize) -> Result<File, TreeError> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = mode(self.planned(position).executable);
        Ok(self
            .descent
            .parent_of(self.work.extraction.path_of(position))
            .and_then(|(directory, name)| Ok(openat(directory, name, flags, mode)?.into()))
            .attempt("create", self.full_path(position))?)
    }

    /// Checks a written file's digest, and sets its time and mode.
    fn finish(&mut self, position: usize, file: &File, digest: &Digest) -> Result<(), TreeError> {
        self.check(position, digest)?;
        let stamp = set_time_and_mode(file, self.planned(position))
            .attempt("set the time of", self.full_path(position))?;
        self.keep(position, stamp);
        Ok(())
    }

    fn check(&self, position: usize, found: &Digest) -> Result<(), TreeError> {
        let planned = self.planned(position);
        if planned.digest == *found {
            return Ok(());
        }
        Err(TreeError::Content {
            path: self.work.extraction.path_of(position).to_owned(),
            expected: planned.digest,
            found: *found,
        })
    }

    fn keep(&mut self, position: usize, stamp: Stamp) {
        self.written.stamps.push((position, stamp));
        self.work.finished(self.planned(position).size);
    }

    fn planned(&self, position: usize) -> &'a PlannedFile {
        &self.work.extraction.plan.files[position]
    }

    fn full_path(&self, position: usize) -> PathBuf {
        let extraction = self.work.extraction;
        extraction.full_path(extraction.path_of(position))
    }
}

/// Tells whether a file is this user's and has a mode, so that it can have a second name.
fn has_mode(file: &File, wanted: Mode) -> bool {
    fstat(file).is_ok_and(|stat| {
        stat.st_mode & 0o7777 == wanted.as_raw_mode() && stat.st_uid == geteuid().as_raw()
    })
}

/// No write bits: what an application changes belongs into persistent paths.
pub(super) const fn mode(executable: bool) -> Mode {
    Mode::from_raw_mode(if executable { 0o555 } else { 0o444 })
}

fn set_time_and_mode(file: &File, planned: &PlannedFile) -> io::Result<Stamp> {
    let time = stamp::timespec(planned.mtime)?;
    futimens(
        file,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    )?;
    let stat = fstat(file)?;
    // A umask or a default ACL can have taken bits away.
    if stat.st_mode & 0o7777 == mode(planned.executable).as_raw_mode() {
        return Ok(Stamp::from_stat(&stat));
    }
    fchmod(file, mode(planned.executable))?;
    Stamp::of(file)
}

fn slice(content: &[u8], range: Range<u64>) -> &[u8] {
    let position = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    content
        .get(position(range.start)..position(range.end))
        .unwrap_or_default()
}
