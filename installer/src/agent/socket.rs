//! The agent's socket: what people without root may ask, answered from what root reads.
//!
//! ```text
//! question    one line of JSON: {"ask":"status"} or {"ask":"history","project":"acme/billing"};
//!             an empty line asks for the status too
//! answer      what `status --json` or `history --json` would print, and the end
//! ```
//!
//! The socket belongs to the group `bulla`, and whoever asks is looked up besides. Questions and the
//! time for each are bounded, and they are answered one after the other; nothing can be changed here.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_schemas::ProjectName;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::orders::Orders;
use super::voice::Voice;
use crate::observer::Silent;
use crate::operation::{history, status};
use crate::platform::files::{Attempt as _, FileError};
use crate::platform::users;
use crate::state::{Activation, with_hint};

/// Where the agent listens when systemd started it.
pub(crate) const SOCKET: &str = "/run/bulla/agent.sock";
/// Whose members may ask.
const GROUP: &str = "bulla";
/// Most bytes of a question.
const LONGEST_QUESTION: u64 = 4096;
/// Most bytes of an answer that is believed.
const LONGEST_ANSWER: u64 = 64 << 20;
/// How long whoever asks may take to ask, and to listen.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the answer may take: trees are looked at for it.
const PATIENCE_FOR_ANSWER: Duration = Duration::from_mins(2);

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Question {
    /// What `status` prints.
    Status,
    /// What `history` prints.
    History {
        /// Of which project.
        project: ProjectName,
    },
}

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
        let listener = UnixListener::bind(path).attempt("listen at", path)?;
        if let Some((_, group)) = users::owner("0", Some(GROUP)) {
            // Only root can; another user's agent is asked by that user.
            let _ = chown(path, None, Some(group.as_raw()));
        }
        let mode = std::fs::Permissions::from_mode(0o660);
        std::fs::set_permissions(path, mode).attempt("change", path)?;
        let socket = Self {
            orders: Arc::default(),
            path: Some(path.to_owned()),
        };
        let orders = Arc::clone(&socket.orders);
        let begun = std::thread::Builder::new().spawn(move || {
            for stream in listener.incoming().flatten() {
                let orders = orders
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                if let Some(orders) = orders {
                    // Whoever does not listen gets nothing.
                    let _ = attend(stream, &orders, &*voice);
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

fn attend(mut stream: UnixStream, orders: &Orders, voice: &dyn Voice) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let peer = getsockopt(&stream, PeerCredentials)?.uid();
    let is_own = peer == 0 || peer == rustix::process::geteuid().as_raw();
    if !is_own && !users::is_member(peer, GROUP) {
        return write_error(
            &mut stream,
            "only root and members of the group `bulla` may ask",
        );
    }
    let mut line = String::new();
    let mut reader = BufReader::new((&stream).take(LONGEST_QUESTION));
    reader.read_line(&mut line)?;
    let question = match line.trim() {
        "" => Question::Status,
        line => match serde_json::from_str(line) {
            Ok(question) => question,
            Err(error) => return write_error(&mut stream, &error.to_string()),
        },
    };
    let answer = match question {
        Question::Status => status(&orders.server, &orders.config, None, voice.now())
            .map_err(|error| with_hint(&error))
            .and_then(|found| text(&found)),
        Question::History { project } => history(&orders.server, &project, &Silent)
            .map_err(|error| with_hint(&error))
            .and_then(|found| text(&without_output(found))),
    };
    match answer {
        Ok(answer) => stream.write_all(&answer),
        Err(problem) => write_error(&mut stream, &problem),
    }
}

/// Takes out what commands wrote: it can hold secrets, and only root may read it.
fn without_output(mut activations: Vec<Activation>) -> Vec<Activation> {
    for activation in &mut activations {
        activation.output = None;
    }
    activations
}

fn text(value: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec(value).map_err(|error| error.to_string())?;
    text.push(b'\n');
    Ok(text)
}

/// An answer that is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Problem {
    error: String,
}

fn write_error(stream: &mut UnixStream, problem: &str) -> io::Result<()> {
    let problem = Problem {
        error: problem.to_owned(),
    };
    stream.write_all(&text(&problem).unwrap_or_default())
}

/// Asks the agent that listens at `path`.
pub(crate) fn ask<T: DeserializeOwned>(path: &Path, question: &Question) -> io::Result<T> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE_FOR_ANSWER))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&text(question).map_err(io::Error::other)?)?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    if let Ok(Problem { error }) = serde_json::from_slice(&answer) {
        return Err(io::Error::other(error));
    }
    serde_json::from_slice(&answer).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
