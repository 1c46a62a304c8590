//! Runs a program that may hang, flood, fork or close its output, and always comes back: in a
//! session of its own, with nothing on stdin, for a limited time, with bounded output.
//!
//! `setsid` and `setpriv` of util-linux do what the standard library cannot do without `unsafe`:
//! begin a session, take on all groups of a user and none of root's, and die with the installer.

mod find;
mod output;
mod user;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};

pub(crate) use find::{PATH, find, require_executable, require_runnable, require_unshared};
pub(crate) use output::{Output, Stream};
pub(crate) use user::User;

/// How long a program may take to end after SIGTERM, and its group to die after SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// How long output is still read after the program ended: what it left running may hold the pipes
/// open for as long as it likes.
const DRAIN: Duration = Duration::from_millis(200);

/// How much is read at once, and how often to empty a pipe of the largest size.
const BUFFER: usize = 16 * 1024;
const PIPE_READS: usize = 1024 * 1024 / BUFFER;

/// A program to run.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) path: &'a Path,
    pub(crate) arguments: &'a [String],
    pub(crate) directory: &'a Path,
    /// All of its environment; without one, that of this process.
    pub(crate) environment: Option<&'a BTreeMap<String, String>>,
    /// The user whom it runs as, where that is not the caller.
    pub(crate) user: Option<&'a User>,
    pub(crate) timeout: Duration,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, or by a signal that was not ours.
    With(ExitStatus),
    /// It was ended, because it took too long.
    TimedOut(Duration),
}

impl Ended {
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Self::With(status) if status.success())
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::os::unix::process::ExitStatusExt as _;
        match self {
            Self::With(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(formatter, "ended with status {code}"),
                (None, Some(signal)) => write!(formatter, "was ended by signal {signal}"),
                (None, None) => formatter.write_str("ended"),
            },
            Self::TimedOut(timeout) => {
                write!(
                    formatter,
                    "did not end within {} s and was killed",
                    timeout.as_secs_f64()
                )
            }
        }
    }
}

/// Runs a program to its end, or to the end of its time. What it left running in the background is
/// not waited for.
pub(crate) fn run(program: &Program<'_>, output: &mut Output) -> io::Result<Ended> {
    let mut child = spawn(program)?;
    let ended = attend(&mut child, program.timeout, output);
    if ended.is_err() {
        // Nothing of it may go on unseen.
        signal(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
    }
    ended
}

fn spawn(program: &Program<'_>) -> io::Result<Child> {
    // What this process inherited is not for a program that outlives it.
    close_fds::set_fds_cloexec(3, &[]);
    let mut command = Command::new(tool("setsid")?);
    command.arg(tool("setpriv")?).args(["--pdeathsig", "KILL"]);
    if let Some(user) = program.user {
        command
            .arg(format!("--reuid={}", user.uid))
            .arg(format!("--regid={}", user.gid))
            .args(["--init-groups", "--no-new-privs"]);
    }
    command
        .arg("--")
        .arg(program.path)
        .args(program.arguments)
        .current_dir(program.directory);
    if let Some(environment) = program.environment {
        command.env_clear().envs(environment);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn tool(name: &str) -> io::Result<PathBuf> {
    find(name).ok_or_else(|| {
        let message = format!("`{name}` of util-linux is not in {PATH}");
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

/// The pipes of a program that are still open.
struct Pipes(Vec<(Stream, Pipe)>);

enum Pipe {
    Out(std::process::ChildStdout),
    Error(std::process::ChildStderr),
}

impl Pipe {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Self::Out(pipe) => pipe.as_fd(),
            Self::Error(pipe) => pipe.as_fd(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Out(pipe) => pipe.read(buffer),
            Self::Error(pipe) => pipe.read(buffer),
        }
    }
}

impl Pipes {
    fn of(child: &mut Child) -> Self {
        let out = child
            .stdout
            .take()
            .map(|pipe| (Stream::Out, Pipe::Out(pipe)));
        let error = child.stderr.take();
        let error = error.map(|pipe| (Stream::Error, Pipe::Error(pipe)));
        Self(out.into_iter().chain(error).collect())
    }

    /// Waits until there is something to read or `also` is ready, and reads it. Tells whether
    /// `also` is ready.
    fn read(
        &mut self,
        also: Option<&OwnedFd>,
        longest: Duration,
        output: &mut Output,
    ) -> io::Result<bool> {
        let mut waited: Vec<PollFd<'_>> = self
            .0
            .iter()
            .map(|(_, pipe)| pipe.as_fd())
            .chain(also.map(AsFd::as_fd))
            .map(|handle| PollFd::from_borrowed_fd(handle, PollFlags::IN))
            .collect();
        let longest = Timespec::try_from(longest).map_err(io::Error::other)?;
        match poll(&mut waited, Some(&longest)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut is_ready = waited.iter().map(|found| !found.revents().is_empty());
        let ready: Vec<bool> = is_ready.by_ref().take(self.0.len()).collect();
        let is_also_ready = is_ready.next().unwrap_or(false);
        drop(is_ready);
        let mut ready = ready.into_iter();
        let mut buffer = [0; BUFFER];
        self.0.retain_mut(|(stream, pipe)| {
            if !ready.next().unwrap_or(false) {
                return true;
            }
            match pipe.read(&mut buffer) {
                Ok(0) | Err(_) => false,
                Ok(count) => {
                    output.push(*stream, &buffer[..count]);
                    true
                }
            }
        });
        Ok(is_also_ready)
    }
}

/// What is done next to a program that takes too long.
#[derive(Clone, Copy)]
enum Next {
    Terminate,
    Kill,
    GiveUp,
}

/// Reads what a program writes until it ends, and makes it end when its time is over.
fn attend(child: &mut Child, timeout: Duration, output: &mut Output) -> io::Result<Ended> {
    let pid = Pid::from_child(child);
    let end = pidfd_open(pid, PidfdFlags::empty())?;
    let mut pipes = Pipes::of(child);
    let (mut deadline, mut next) = (Instant::now() + timeout, Next::Terminate);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if pipes.read(Some(&end), left, output)? {
            break;
        }
        if Instant::now() < deadline {
            continue;
        }
        deadline = Instant::now() + GRACE;
        next = match next {
            Next::Terminate => {
                signal(pid, Signal::TERM);
                Next::Kill
            }
            Next::Kill => {
                signal(pid, Signal::KILL);
                Next::GiveUp
            }
            Next::GiveUp => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "it cannot be killed",
                ));
            }
        };
    }
    let is_late = !matches!(next, Next::Terminate);
    if is_late {
        // What the program did not take along.
        signal(pid, Signal::KILL);
    }
    let status = child.wait()?;
    // What was in the pipes when it ended, however late a busy machine comes to that.
    for _ in 0..PIPE_READS {
        if pipes.0.is_empty() {
            break;
        }
        pipes.read(None, Duration::ZERO, output)?;
    }
    let drained = Instant::now() + DRAIN;
    while !pipes.0.is_empty() {
        let left = drained.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        pipes.read(None, left, output)?;
    }
    Ok(if is_late {
        Ended::TimedOut(timeout)
    } else {
        Ended::With(status)
    })
}

/// Sends a signal to the program's group; to itself where it did not come to make one yet.
fn signal(pid: Pid, signal: Signal) {
    if kill_process_group(pid, signal).is_err() {
        let _ = kill_process(pid, signal);
    }
}
