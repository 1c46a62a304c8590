//! A command that runs until it ends or its time is up, line by line.

use std::io::{self, BufRead as _, BufReader, PipeReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// Most bytes of one line; a longer one is given in pieces.
const LINE: u64 = 8 * 1024;
/// How long an ended command's last words are waited for: who escaped may hold the pipe.
const GRACE: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// By force: its time was up.
    TimedOut,
}

enum Event {
    Line(String),
    Ended(io::Result<ExitStatus>),
}

/// Runs `command`, which makes a session of its own, and tells `hear` each line that it or a
/// child of it writes to stdout or stderr. When it has ended, so has its whole process group.
pub(super) fn run(
    mut command: Command,
    timeout: Duration,
    mut hear: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<Ended> {
    let (reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let child = command.spawn()?;
    // The command holds the ends that write to the pipe; without it the pipe is closed.
    drop(command);
    let id = child.id();
    let events = listen(child, reader);
    let mut deadline = Instant::now() + timeout;
    let mut ended = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match events.recv_timeout(left) {
            Ok(Event::Line(line)) => {
                if let Err(error) = hear(&line) {
                    end(id);
                    return Err(error);
                }
            }
            Ok(Event::Ended(status)) => {
                end(id);
                deadline = Instant::now() + GRACE;
                ended.get_or_insert(Ended::Exited(status?));
            }
            Err(RecvTimeoutError::Timeout) if ended.is_none() => {
                end(id);
                deadline = Instant::now() + GRACE;
                ended = Some(Ended::TimedOut);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(ended.unwrap_or(Ended::TimedOut))
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

/// Ends the command and all that is in its process group.
fn end(id: u32) {
    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else {
        return;
    };
    // Neither is there any more when it has ended in order.
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(script: &str, timeout: Duration) -> (Ended, Vec<String>) {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        let mut lines = Vec::new();
        let ended = run(command, timeout, |line| {
            lines.push(line.to_owned());
            Ok(())
        });
        (ended.unwrap(), lines)
    }

    const LONG: Duration = Duration::from_mins(10);

    #[test]
    fn hears_both_streams_in_order() {
        let (ended, lines) = said("echo one; echo two >&2; printf three; exit 3", LONG);
        assert_eq!(lines, ["one", "two", "three"]);
        assert!(matches!(ended, Ended::Exited(status) if status.code() == Some(3)));
    }

    #[test]
    fn what_runs_on_in_the_background_is_ended() {
        let (ended, lines) = said("sleep 600 & echo $!", LONG);
        assert!(matches!(ended, Ended::Exited(status) if status.success()));
        let pid = Pid::from_raw(lines[0].parse().unwrap()).unwrap();
        // It was told to end; the kernel may still be at it. Without that it would sleep on.
        let runs = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
            state.is_ok_and(|state| !state.contains(") Z "))
        };
        assert!((0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            !runs()
        }));
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let (ended, lines) = said(
            "echo begun; sleep 600; echo late",
            Duration::from_millis(300),
        );
        assert_eq!(ended, Ended::TimedOut);
        assert!(!lines.contains(&"late".to_owned()));
    }
}
