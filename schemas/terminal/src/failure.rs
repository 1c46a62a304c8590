//! `Failure`: any room's error with the exit status and the hint that it answers.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use bulla_schemas::outcome::{self, FailureKind, Outcome};

use crate::{stderr, stdout};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    kind: FailureKind,
    output: Option<String>,
    hint: Option<String>,
}

impl<E: Outcome + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            kind: error.kind(),
            hint: error.hint(),
            output: error.output().map(str::to_owned),
            error: error.into(),
        }
    }
}

impl Failure {
    /// A failure that no library knows.
    pub fn new(kind: FailureKind, message: impl Display) -> Self {
        Self {
            error: anyhow::Error::msg(message.to_string()),
            kind,
            output: None,
            hint: None,
        }
    }

    /// Something that was typed, or was not.
    pub fn usage(message: impl Display) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// An operation of the system that failed; `doing` says which, with its path: `cannot read ..`.
    pub fn io(doing: impl Display, source: io::Error) -> Self {
        Self {
            error: anyhow::Error::new(source).context(doing.to_string()),
            kind: FailureKind::Failed,
            output: None,
            hint: None,
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Leaves out what to do next.
    #[must_use]
    pub fn without_hint(mut self) -> Self {
        self.hint = None;
        self
    }

    /// Puts a sentence before the error, which becomes its cause.
    #[must_use]
    pub fn context(mut self, sentence: impl Display) -> Self {
        self.error = self.error.context(sentence.to_string());
        self
    }

    /// Returns what happened, with its causes.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.error.as_ref()
    }

    /// Returns the kind, and with it the exit status.
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns what to do next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Tells a person, and returns the exit status.
    pub fn report(&self) -> ExitCode {
        stderr::fit(&outcome::report_with_output(
            self.error.as_ref(),
            self.output.as_deref(),
            self.hint(),
        ));
        ExitCode::from(self.kind.exit_status())
    }
}

/// Ends a program: reports a failure, also one of output that was still in memory, and returns the
/// exit status.
pub fn finish(result: Result<(), Failure>) -> ExitCode {
    finish_with(result.map(|()| ExitCode::SUCCESS))
}

/// Ends a program as [`finish`] does, with the status that a command chose.
pub fn finish_with(result: Result<ExitCode, Failure>) -> ExitCode {
    let flushed = stdout::flush();
    match result.and_then(|status| flushed.map(|()| status).map_err(Failure::from)) {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}
