//! The guard: the process between this program and a build, which outlives both for a moment.
//!
//! It is the reaper of all that descends from the build, so nothing can leave it by a session of
//! its own or by losing its parent. When the command has ended, or whoever waits for it has, the
//! guard ends what is left and only then ends itself.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::program::{Program, named, status_of};

/// How long is waited before what descends from the build is looked for again.
const PAUSE: Duration = Duration::from_millis(5);
/// How often that is; who hangs in the kernel for longer cannot be ended by anybody.
const ATTEMPTS: u32 = 4000;
/// The kernel ends a build before anything else when there is no memory left (proc(5)).
const FIRST_TO_END: &str = "1000";

/// Runs `command` in `directory` until it has ended or stdin is closed at its other end. Returns
/// the exit status.
pub(super) fn guard(command: &Program, directory: &Path) -> io::Result<i32> {
    // A session of its own has no terminal to write to, and no key that is pressed ends it.
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // Whatever file, pipe or terminal the caller of this program had open stays here.
    close_fds::set_fds_cloexec(3, &[]);
    let mut child = start(command, directory)?;
    let waited = wait(&child);
    // It may have ended already. When waiting failed it runs, and nothing else would end it.
    let _ = child.kill();
    let status = child.wait();
    end_descendants();
    waited?;
    Ok(status_of(status?))
}

/// Starts the command, with stderr for all that it says.
fn start(command: &Program, directory: &Path) -> io::Result<Child> {
    const SCORE: &str = "/proc/self/oom_score_adj";
    let own = fs::read_to_string(SCORE);
    let _ = fs::write(SCORE, FIRST_TO_END);
    let child = command
        .command()?
        .current_dir(directory)
        .stdout(Stdio::from(io::stderr()))
        .spawn()
        .map_err(|error| named(command, &error));
    if let Ok(own) = own {
        let _ = fs::write(SCORE, own.trim());
    }
    child
}

/// Lets go of stderr, and waits until `child` has ended or stdin is closed at its other end.
fn wait(child: &Child) -> io::Result<()> {
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let child = child.ok_or_else(|| io::Error::other("a process has no number"))?;
    let child = rustix::process::pidfd_open(child, PidfdFlags::empty())?;
    // The reader knows by the end of the output that no process can write to it any more.
    rustix::stdio::dup2_stderr(File::options().write(true).open("/dev/null")?)?;
    let stdin = io::stdin();
    loop {
        let mut events = [
            PollFd::new(&child, PollFlags::IN),
            PollFd::new(&stdin, PollFlags::IN),
        ];
        match rustix::event::poll(&mut events, None) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// Ends all that is left, and reaps it. A process that loses its parent becomes a child of this
/// one.
fn end_descendants() {
    for _ in 0..ATTEMPTS {
        for child in children() {
            let _ = rustix::process::kill_process(child, Signal::KILL);
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        sleep(PAUSE);
    }
}

/// Returns the children of this process.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_pid().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let processes = processes.filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        (parent(&stat)? == own.as_bytes()).then(|| Pid::from_raw(pid))?
    });
    processes.collect()
}

/// Returns the number of the parent in `/proc/PID/stat`, where it comes second after the name in
/// parentheses, which may hold anything.
fn parent(stat: &[u8]) -> Option<&[u8]> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(end + 2..)?.split(|byte| *byte == b' ').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_parent_behind_any_name() {
        assert_eq!(parent(b"12 (sh) S 7 12 12 0"), Some(&b"7"[..]));
        assert_eq!(parent(b"12 (a) S 1 (b) R 99 12"), Some(&b"99"[..]));
        assert_eq!(parent(b"12 (sh"), None);
    }
}
