//! What is asked and answered at the socket, in lines of JSON.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_schemas::ProjectName;
use bulla_schemas::outcome::{FailureKind, Outcome};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Most bytes of an answer that is believed.
const LONGEST_ANSWER: u64 = 64 << 20;
/// How long the agent may take to listen.
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

/// Why a question has no answer, as the agent writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Problem {
    pub(super) error: String,
    pub(super) kind: FailureKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(kind: FailureKind, error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            kind,
            hint: None,
        }
    }
}

/// Why the agent did not answer a question.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// No agent listens there, or it does not answer.
    #[error("the agent does not answer at `{}`", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// It answers that it does not.
    #[error("{message}")]
    Refused {
        /// Its words.
        message: String,
        /// How the command ends that asked.
        kind: FailureKind,
        /// What to do next.
        hint: Option<String>,
    },
}

impl Outcome for AskError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Silent { .. } => FailureKind::Failed,
            Self::Refused { kind, .. } => *kind,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Silent { .. } => None,
            Self::Refused { hint, .. } => hint.clone(),
        }
    }
}

/// Asks the agent that listens at `path`.
pub(crate) fn ask<T: DeserializeOwned>(path: &Path, question: &Question) -> Result<T, AskError> {
    let answer = answer(path, question).map_err(|source| AskError::Silent {
        path: path.to_owned(),
        source,
    })?;
    if let Ok(Problem { error, kind, hint }) = serde_json::from_slice(&answer) {
        return Err(AskError::Refused {
            message: error,
            kind,
            hint,
        });
    }
    serde_json::from_slice(&answer).map_err(|error| AskError::Silent {
        path: path.to_owned(),
        source: error.into(),
    })
}

fn answer(path: &Path, question: &Question) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE_FOR_ANSWER))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // An agent that is asked too much answers before it has read the question.
    let asked = stream.write_all(&line(question)?);
    let mut answer = Vec::new();
    let read = stream.take(LONGEST_ANSWER).read_to_end(&mut answer);
    if answer.ends_with(b"\n") {
        return Ok(answer);
    }
    asked?;
    read?;
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Writes a document as one line.
pub(super) fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(text)
}
