//! `Transcript`: what a program was asked and what it said, and what a test expects of that.
#![expect(
    clippy::return_self_not_must_use,
    reason = "an expectation is often the last word on a run"
)]

use std::fmt;
use std::process::{Command, Output};

use serde_json::Value;

/// One run of a program.
#[derive(Clone)]
pub struct Transcript {
    /// The command line.
    pub command: String,
    /// What it wrote as data.
    pub stdout: String,
    /// What it said to people.
    pub stderr: String,
    /// Its exit status, `None` when a signal ended it.
    pub status: Option<i32>,
}

impl Transcript {
    /// Runs `command` to its end.
    pub fn of(command: &mut Command) -> Self {
        let line = line(command);
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("cannot start `{line}`: {error}"));
        Self::from_output(line, &output)
    }

    pub(crate) fn from_output(command: String, output: &Output) -> Self {
        Self {
            command,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: output.status.code(),
        }
    }

    /// Expects that the program did what it was asked.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.status, Some(0), "expected status 0 of\n{self}");
        self
    }

    /// Expects an exit status and a part of what is said on stderr.
    #[track_caller]
    pub fn fails(self, status: i32, sentence: &str) -> Self {
        assert_eq!(
            self.status,
            Some(status),
            "expected status {status} of\n{self}"
        );
        assert!(
            self.stderr.starts_with("error: ") || self.stderr.contains("\nerror: "),
            "expected a line `error: ...` of\n{self}"
        );
        assert!(
            self.stderr
                .to_lowercase()
                .contains(&sentence.to_lowercase()),
            "expected the words {sentence:?} of\n{self}"
        );
        self
    }

    /// Expects that verification or policy said no, with these words.
    #[track_caller]
    pub fn refused(self, sentence: &str) -> Self {
        self.fails(3, sentence)
    }

    /// Expects that a signal ended the program.
    #[track_caller]
    pub fn killed(self) -> Self {
        assert_eq!(self.status, None, "expected the end by a signal of\n{self}");
        self
    }

    /// Returns the last line of stdout.
    #[track_caller]
    pub fn last_line(&self) -> &str {
        self.stdout
            .lines()
            .next_back()
            .unwrap_or_else(|| panic!("expected a line on stdout of\n{self}"))
    }

    /// Returns stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("expected JSON ({error}) of\n{self}"))
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "$ {}", self.command)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for line in text.lines() {
                writeln!(formatter, "{name}| {line}")?;
            }
        }
        match self.status {
            Some(status) => write!(formatter, "status {status}"),
            None => formatter.write_str("ended by a signal"),
        }
    }
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
