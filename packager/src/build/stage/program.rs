//! A program that a stage starts, and how it ended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// What the status of a program that could not be started is.
const NOT_STARTED: i32 = 127;
/// What is added to the number of a signal.
const KILLED: i32 = 128;

/// A program with all it gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::build) struct Program {
    pub(in crate::build) arguments: Vec<OsString>,
    pub(in crate::build) environment: BTreeMap<String, String>,
}

impl Program {
    pub(super) fn command(&self) -> io::Result<Command> {
        let (program, arguments) = self.arguments.split_first().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the command has no program")
        })?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        Ok(command)
    }

    pub(super) fn name(&self) -> String {
        self.arguments
            .first()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

/// Returns an exit status as a shell would: 128 and the number of the signal for a killed process.
pub(super) fn status_of(status: std::process::ExitStatus) -> i32 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => KILLED + signal,
        (None, None) => NOT_STARTED,
    }
}

pub(super) fn named(command: &Program, error: &io::Error) -> io::Error {
    doing(&format!("start `{}`", command.name()), error)
}

pub(super) fn doing(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what}: {error}"))
}
