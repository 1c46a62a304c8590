//! The agent's socket: what people without root may ask, answered from what root reads.
//!
//! ```text
//! question    one line of JSON: {"ask":"status"} or {"ask":"history","project":"acme/billing"};
//!             an empty line asks for the status too
//! answer      what `status --json` or `history --json` would print, and the end
//! ```
//!
//! The socket belongs to the group `bulla`, and whoever asks is looked up besides. A question, the
//! time for it and how many of a user are open at once are bounded, so that no member keeps the
//! others waiting; nothing can be changed here.

mod guests;
mod question;

use std::fs::Permissions;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bulla_schemas::outcome::{FailureKind, Outcome};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use serde::Serialize;

use self::guests::{Guests, is_own};
use self::question::{Problem, line};
use super::orders::Orders;
use super::voice::Voice;
use crate::observer::{Silent, with_causes};
use crate::operation::{history, status};
use crate::platform::disk;
use crate::platform::files::{Attempt as _, FileError};
use crate::platform::users;
use crate::state::Activation;

pub use self::question::AskError;
pub(crate) use self::question::{Question, ask};

/// Where the agent listens when systemd started it.
pub(crate) const SOCKET: &str = "/run/bulla/agent.sock";
/// Whose members may ask.
const GROUP: &str = "bulla";
/// Most bytes of a question.
const LONGEST_QUESTION: u64 = 4096;
/// How long whoever asks may take to ask: programs have their question ready.
const PATIENCE_TO_ASK: Duration = Duration::from_secs(2);
/// How long they may take to take all of the answer.
const PATIENCE_TO_LISTEN: Duration = Duration::from_secs(30);

/// Answers until the agent ends.
#[derive(Debug, Default)]
pub(super) struct Socket {
    orders: Arc<Mutex<Option<Arc<Orders>>>>,
    /// Removed at the end.
    path: Option<PathBuf>,
}

impl Socket {
    /// Listens at a path. What an agent left there that is gone is replaced.
    pub(super) fn listen(path: &Path, voice: Arc<dyn Voice>) -> Result<Self, FileError> {
        let directory = path.parent().filter(|above| *above != Path::new(""));
        // Group and mode are set by the name, under which nobody else may put another file.
        bulla_files::require_unshared(directory.unwrap_or(Path::new(".")))?;
        clear(path).attempt("listen at", path)?;
        let listener = open(path).attempt("listen at", path)?;
        let socket = Self {
            orders: Arc::default(),
            path: Some(path.to_owned()),
        };
        let orders = Arc::clone(&socket.orders);
        let guests = Arc::new(Guests::default());
        let begun = std::thread::Builder::new().spawn(move || {
            for stream in listener.incoming().flatten() {
                let orders = orders
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                if let Some(orders) = orders {
                    welcome(stream, &guests, orders, Arc::clone(&voice));
                }
            }
        });
        begun.attempt("listen at", path)?;
        Ok(socket)
    }

    /// Answers by these orders from now on.
    pub(super) fn tell(&self, orders: &Arc<Orders>) {
        let mut told = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        *told = Some(Arc::clone(orders));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A socket that has its group and mode by the time it has its name.
fn open(path: &Path) -> io::Result<UnixListener> {
    let unready = path.with_added_extension("new");
    clear(&unready)?;
    let listener = UnixListener::bind(&unready)?;
    if let Some((_, group)) = users::owner("0", Some(GROUP)) {
        // Only root can; another user's agent is asked by that user.
        let _ = chown(&unready, None, Some(group.as_raw()));
    }
    let named = std::fs::set_permissions(&unready, Permissions::from_mode(0o660))
        .and_then(|()| disk::rename_to_free(&unready, path));
    if named.is_err() {
        let _ = std::fs::remove_file(&unready);
    }
    named.map(|()| listener)
}

/// Removes the socket of an agent that is gone, and nothing else.
fn clear(path: &Path) -> io::Result<()> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        let problem = "something else than a socket is there";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) => Err(error),
    }
}

/// Answers a connection in a thread of its own, unless its user has too many.
fn welcome(stream: UnixStream, guests: &Arc<Guests>, orders: Arc<Orders>, voice: Arc<dyn Voice>) {
    let Ok(credentials) = getsockopt(&stream, PeerCredentials) else {
        return;
    };
    let user = credentials.uid();
    let Some(seat) = guests.admit(user) else {
        turn_away(&stream);
        return;
    };
    let attended = std::thread::Builder::new().spawn(move || {
        // Whoever does not listen gets nothing.
        let _ = attend(&stream, user, &orders, &*voice);
        drop(seat);
    });
    // Without a thread, the connection is closed.
    drop(attended);
}

/// Says that there are too many. Nobody is waited for: the answer has room in the socket, or is lost.
fn turn_away(mut stream: &UnixStream) {
    let problem = Problem::new(FailureKind::Temporary, "too many questions at once");
    if stream.set_nonblocking(true).is_ok()
        && let Ok(line) = line(&problem)
    {
        let _ = stream.write(&line);
    }
}

fn attend(stream: &UnixStream, user: u32, orders: &Orders, voice: &dyn Voice) -> io::Result<()> {
    let answer = if is_own(user) || users::is_member(user, GROUP) {
        let asked = Timed::new(stream, PATIENCE_TO_ASK);
        let mut question = String::new();
        BufReader::new(asked.take(LONGEST_QUESTION)).read_line(&mut question)?;
        answer(question.trim(), orders, voice)
    } else {
        Err(Problem {
            hint: Some("become one with `adduser NAME bulla`, and log in again".to_owned()),
            ..Problem::new(
                FailureKind::Refused,
                "only root and members of the group `bulla` may ask the agent",
            )
        })
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => line(&problem)?,
    };
    Timed::new(stream, PATIENCE_TO_LISTEN).write_all(&answer)
}

fn answer(question: &str, orders: &Orders, voice: &dyn Voice) -> Result<Vec<u8>, Problem> {
    let question = match question {
        "" => Question::Status,
        line => serde_json::from_str(line).map_err(|error| {
            let message = format!("expected a question such as {{\"ask\":\"status\"}}: {error}");
            Problem::new(FailureKind::Usage, message)
        })?,
    };
    match question {
        Question::Status => {
            let found = status(&orders.server, &orders.config, None, voice.now());
            text(found)
        }
        Question::History { project } => {
            let found = history(&orders.server, &project, &Silent);
            text(found.map(without_output))
        }
    }
}

/// Takes out what commands wrote: it can hold secrets, and only root may read it.
fn without_output(mut activations: Vec<Activation>) -> Vec<Activation> {
    for activation in &mut activations {
        activation.output = None;
    }
    activations
}

fn text<T: Serialize, E: Outcome>(found: Result<T, E>) -> Result<Vec<u8>, Problem> {
    let found = found.map_err(|error| Problem {
        error: with_causes(&error),
        kind: error.kind(),
        hint: error.hint(),
    })?;
    line(&found).map_err(|error| Problem::new(FailureKind::Failed, error.to_string()))
}

/// A connection that ends at a time, however little is sent or taken until then.
struct Timed<'a> {
    stream: &'a UnixStream,
    end: Instant,
}

impl<'a> Timed<'a> {
    fn new(stream: &'a UnixStream, patience: Duration) -> Self {
        let end = Instant::now() + patience;
        Self { stream, end }
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.end.checked_duration_since(Instant::now());
        let left = left.filter(|left| !left.is_zero());
        left.map_or_else(
            || Err(io::ErrorKind::TimedOut.into()),
            |left| Ok(Some(left)),
        )
    }
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl io::Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_socket_is_ready_when_it_has_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.sock");
        drop(UnixListener::bind(directory.path().join("agent.sock.new")).unwrap());
        let listener = open(&path).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        UnixStream::connect(&path).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        drop(listener);
    }

    #[test]
    fn only_the_socket_of_an_agent_that_is_gone_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.sock");
        clear(&path).unwrap();
        let listener = UnixListener::bind(&path).unwrap();
        let error = clear(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        clear(&path).unwrap();
        assert!(!path.exists());

        let kept = directory.path().join("kept");
        fs::write(&kept, "of a person").unwrap();
        std::os::unix::fs::symlink(&kept, &path).unwrap();
        for precious in [&kept, &path] {
            let error = clear(precious).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read_to_string(precious).unwrap(), "of a person");
        }
    }
}
