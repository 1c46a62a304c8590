//! A command that runs under a guard until it ends, its time is up, or the disk is full.

use std::io::{self, BufRead as _, BufReader, PipeReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Most bytes of one line; a longer one is given in pieces.
const LINE: u64 = 8 * 1024;
/// How often the disk is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long an end is waited for: nobody can end what hangs in the kernel.
const GRACE: Duration = Duration::from_secs(30);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// By force: its time was up.
    TimedOut,
    /// By force: it left the disk with fewer free bytes than these.
    OutOfSpace {
        /// What was to stay free, in bytes.
        reserve: u64,
    },
}

/// How many bytes must stay free where a directory lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reserve<'a> {
    pub(super) directory: &'a Path,
    pub(super) bytes: u64,
}

impl Reserve<'_> {
    fn is_touched(&self) -> bool {
        rustix::fs::statvfs(self.directory)
            .is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) < self.bytes)
    }
}

/// Says how a command ended; a shell and a sandbox give 128 and the signal's number as status.
pub(super) fn words(status: ExitStatus) -> String {
    match status.code() {
        Some(137) => format!("{status} (signal 9, which the kernel sends when memory is short)"),
        Some(code @ 129..=192) => format!("{status} (signal {})", code - 128),
        _ => status.to_string(),
    }
}

enum Event {
    Line(String),
    Ended(io::Result<ExitStatus>),
}

/// Runs `command`, which is a guard: all that it started ends when its stdin does. `hear` is told
/// each line that the command or a child of it writes to stderr.
pub(super) fn run(
    mut command: Command,
    timeout: Duration,
    reserve: Option<Reserve<'_>>,
    mut hear: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<Ended> {
    let (reader, writer) = io::pipe()?;
    let (input, lifeline) = io::pipe()?;
    command.stdin(input).stderr(writer);
    let child = command.spawn()?;
    // The command holds the ends that write to its pipes; without it they are closed.
    drop(command);
    let events = listen(child, reader);
    let mut lifeline = Some(lifeline);
    let mut deadline = Instant::now() + timeout;
    let mut look = Instant::now();
    let mut result = None;
    loop {
        // Asked before each line: who never stops talking ends in time too.
        let now = Instant::now();
        let mut end = None;
        if result.is_none() && now >= deadline {
            end = Some(Ok(Ended::TimedOut));
        } else if result.is_none() && now >= look {
            look = now + LOOK;
            let touched = reserve.filter(Reserve::is_touched);
            end = touched.map(|Reserve { bytes: reserve, .. }| Ok(Ended::OutOfSpace { reserve }));
        } else if now >= deadline {
            break;
        }
        let until = match (&result, &reserve) {
            (None, Some(_)) => deadline.min(look),
            _ => deadline,
        };
        if end.is_none() {
            match events.recv_timeout(until.saturating_duration_since(now)) {
                Ok(Event::Line(line)) => end = hear(&line).err().map(Err),
                Ok(Event::Ended(status)) => end = Some(status.map(Ended::Exited)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let (Some(end), None) = (end, &result) {
            drop(lifeline.take());
            deadline = Instant::now() + GRACE;
            result = Some(end);
        }
    }
    result.unwrap_or(Ok(Ended::TimedOut))
}

/// Waits for the child and its lines in threads, until both are gone.
fn listen(mut child: Child, reader: PipeReader) -> Receiver<Event> {
    let (sender, receiver) = sync_channel(256);
    let lines = sender.clone();
    std::thread::spawn(move || read_lines(reader, &lines));
    std::thread::spawn(move || sender.send(Event::Ended(child.wait())));
    receiver
}

fn read_lines(reader: PipeReader, events: &SyncSender<Event>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while let Ok(1..) = reader.by_ref().take(LINE).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']).to_owned();
        if events.send(Event::Line(text)).is_err() {
            return;
        }
        line.clear();
    }
}
