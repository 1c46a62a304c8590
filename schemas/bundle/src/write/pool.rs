//! `Pool`: the threads that read files ahead and compress frames, and how much may be under way.
//!
//! A thread compresses when there is a frame, reads ahead when there is room, and sleeps when
//! there is neither. Files are claimed in order, so the one that the assembly waits for is always
//! being read or next. Whatever fails stops everything; the first failure is told.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use bulla_schemas::EntryPath;

use super::cache::FrameCache;
use super::error::WriteError;
use super::failure::{Failure, Stopped};
use super::frames::{FrameContent, FrameMaker};
use super::options::WriteOptions;
use super::read_ahead::{ReadFile, read_file};
use super::sink::Sink;
use super::spool::Spool;
use crate::limits::Limits;
use crate::source::SourceTree;

const MIB: u64 = 1024 * 1024;
/// Bytes of files that are read ahead.
const READ_AHEAD: u64 = 4 * MIB;
/// Files that a thread claims at once.
const CLAIM: usize = 32;
/// Bytes that a thread reads before it hands them over.
const HAND_OVER: u64 = MIB / 2;
/// Bytes of frames under way, beside `FRAME_BYTES_PER_THREAD`.
const FRAME_BYTES: u64 = 2 * MIB;
/// One frame of the largest size for each thread.
const FRAME_BYTES_PER_THREAD: u64 = 2 * MIB;

/// Which blob a frame belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    Payload,
    Index,
}

struct FrameJob {
    target: Target,
    position: usize,
    content: FrameContent,
}

enum Task {
    Read(Range<usize>),
    Frame(FrameJob),
}

#[derive(Default)]
struct State {
    /// Files that threads have begun to read, all before this one.
    claimed: usize,
    /// Files that the assembly has taken.
    taken: usize,
    /// Files from `taken` to `claimed`.
    read: VecDeque<Option<ReadFile>>,
    read_bytes: u64,
    frames: VecDeque<FrameJob>,
    /// Bytes of content in frames that are not yet written.
    frame_bytes: u64,
    stopped: bool,
    failure: Option<Failure>,
}

/// All frames, written.
pub(super) struct Frames {
    pub(super) payload: Sink<Spool>,
    pub(super) index: Sink<Vec<u8>>,
}

/// What the threads share.
pub(super) struct Pool<'a> {
    tree: &'a dyn SourceTree,
    /// The files in the order of the tar: path and position in the source.
    files: Vec<(&'a EntryPath, usize)>,
    maker: FrameMaker<'a>,
    limits: &'a Limits,
    most_frame_bytes: u64,
    state: Mutex<State>,
    /// Threads wait here for work.
    work: Condvar,
    /// The assembly waits here for files, and for room for frames.
    assembly: Condvar,
    payload: Mutex<Sink<Spool>>,
    index: Mutex<Sink<Vec<u8>>>,
}

impl<'a> Pool<'a> {
    pub(super) fn new(
        tree: &'a dyn SourceTree,
        files: Vec<(&'a EntryPath, usize)>,
        level: u8,
        cache: Option<&'a dyn FrameCache>,
        options: &'a WriteOptions,
        spool: Spool,
    ) -> Self {
        Self {
            tree,
            files,
            maker: FrameMaker { level, cache },
            limits: &options.limits,
            most_frame_bytes: FRAME_BYTES + FRAME_BYTES_PER_THREAD * options.threads.get() as u64,
            state: Mutex::default(),
            work: Condvar::new(),
            assembly: Condvar::new(),
            payload: Mutex::new(Sink::new(spool)),
            index: Mutex::new(Sink::new(Vec::new())),
        }
    }

    /// Lets `assemble` hand out work, all threads work, and returns what it made with the frames of
    /// payload and index.
    pub(super) fn run<T>(
        self,
        threads: usize,
        assemble: impl FnOnce(&Self) -> Result<T, Stopped>,
    ) -> Result<(T, Frames), Failure> {
        let made = thread::scope(|scope| {
            let _alarm = Alarm(&self);
            for _ in 0..threads {
                scope.spawn(|| self.work());
            }
            let made = assemble(&self);
            self.stop();
            made
        });
        self.into_result(made)
    }

    /// Works until [`Self::stop`].
    fn work(&self) {
        let _alarm = Alarm(self);
        while let Some(task) = self.next_task() {
            let done = match task {
                Task::Read(files) => self.read(files).map_err(Failure::from),
                Task::Frame(job) => self.frame(job),
            };
            if let Err(error) = done {
                self.fail(error);
            }
        }
    }

    /// Returns the next files in order, at least one; only called while there are more.
    pub(super) fn next_files(&self) -> Result<Vec<ReadFile>, Stopped> {
        let mut state = self.state();
        let mut files = Vec::new();
        loop {
            if state.stopped {
                return Err(Stopped);
            }
            while let Some(file) = state.read.front_mut().and_then(Option::take) {
                state.read.pop_front();
                state.taken += 1;
                state.read_bytes -= file.weight();
                files.push(file);
            }
            if !files.is_empty() {
                drop(state);
                self.work.notify_all();
                return Ok(files);
            }
            state = wait(&self.assembly, state);
        }
    }

    /// Hands a frame to the threads, once there is room for it.
    pub(super) fn push_frame(
        &self,
        target: Target,
        position: usize,
        content: FrameContent,
    ) -> Result<(), Stopped> {
        let mut state = self.state();
        while !state.stopped && state.frame_bytes >= self.most_frame_bytes {
            state = wait(&self.assembly, state);
        }
        if state.stopped {
            return Err(Stopped);
        }
        state.frame_bytes += content.weight();
        state.frames.push_back(FrameJob {
            target,
            position,
            content,
        });
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Waits until every frame is written.
    pub(super) fn drain(&self) -> Result<(), Stopped> {
        let mut state = self.state();
        while !state.stopped && state.frame_bytes > 0 {
            state = wait(&self.assembly, state);
        }
        if state.stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Remembers the first failure and stops everything.
    pub(super) fn fail(&self, failure: impl Into<Failure>) -> Stopped {
        self.state().failure.get_or_insert(failure.into());
        self.stop();
        Stopped
    }

    /// Lets all threads end after what they are doing.
    fn stop(&self) {
        self.state().stopped = true;
        self.work.notify_all();
        self.assembly.notify_all();
    }

    /// Returns what the assembly made with the frames of payload and index, or the first failure.
    fn into_result<T>(self, made: Result<T, Stopped>) -> Result<(T, Frames), Failure> {
        let failure = into_inner(self.state).failure;
        match (failure, made) {
            (Some(error), _) => Err(error),
            (None, Ok(made)) => {
                let frames = Frames {
                    payload: into_inner(self.payload),
                    index: into_inner(self.index),
                };
                Ok((made, frames))
            }
            (None, Err(Stopped)) => {
                unreachable!("only a failure or a panic stops the assembly, and a panic goes on")
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn next_task(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(job) = state.frames.pop_front() {
                return Some(Task::Frame(job));
            }
            if state.claimed < self.files.len() && state.read_bytes < READ_AHEAD {
                let first = state.claimed;
                state.claimed = self.files.len().min(first + CLAIM);
                let window = state.claimed - state.taken;
                state.read.resize_with(window, || None);
                return Some(Task::Read(first..state.claimed));
            }
            state = wait(&self.work, state);
        }
    }

    fn read(&self, files: Range<usize>) -> Result<(), WriteError> {
        let mut first = files.start;
        let (mut read, mut weight) = (Vec::new(), 0);
        for file in files {
            let (path, position) = self.files[file];
            let content = read_file(self.tree, self.limits, path, position)?;
            weight += content.weight();
            read.push(content);
            if weight >= HAND_OVER {
                let count = read.len();
                self.hand_over(first, std::mem::take(&mut read));
                (first, weight) = (first + count, 0);
            }
        }
        self.hand_over(first, read);
        Ok(())
    }

    fn hand_over(&self, first: usize, files: Vec<ReadFile>) {
        let mut state = self.state();
        let taken = state.taken;
        for (file, content) in (first..).zip(files) {
            state.read_bytes += content.weight();
            // The window reaches to `claimed`, and a claimed file is taken only once it is here.
            state.read[file - taken] = Some(content);
        }
        drop(state);
        self.assembly.notify_one();
    }

    fn frame(&self, job: FrameJob) -> Result<(), Failure> {
        let weight = job.content.weight();
        let (record, compressed) = self.maker.make(job.content)?;
        match job.target {
            Target::Payload => lock(&self.payload).put(job.position, record, compressed)?,
            Target::Index => lock(&self.index).put(job.position, record, compressed)?,
        }
        self.state().frame_bytes -= weight;
        self.assembly.notify_one();
        Ok(())
    }
}

/// Stops the pool when its thread panics, so that nobody waits for what never comes.
struct Alarm<'a, 'b>(&'b Pool<'a>);

impl Drop for Alarm<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

/// A poisoned lock belongs to a thread that panicked; the scope hands its panic on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}
