//! The real program.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// Runs the real program over a data directory.
pub(crate) fn run(command: &[&str], data: &Path) -> std::process::Output {
    program(command, data).output().unwrap()
}

/// The real program, not started.
pub(crate) fn program(command: &[&str], data: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulla-registry"));
    program.args(command).arg("--data").arg(data);
    program
}

/// The real program, and the address that it printed first.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) url: String,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_saying(data, arguments, Stdio::null())
    }

    /// Starts it with its log going to `said`.
    pub(crate) fn start_saying(data: &Path, arguments: &[&str], said: impl Into<Stdio>) -> Self {
        let mut serve = program(&["serve", "--listen", "127.0.0.1:0"], data);
        serve.args(arguments).stderr(said);
        Self::start_command(serve)
    }

    /// Starts a command that serves.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        let url = first
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url, stdout }
    }

    /// Returns what the next line on stdout says after `before`.
    pub(crate) fn next_line(&mut self, before: &str) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().strip_prefix(before).unwrap().to_owned()
    }

    /// Starts one in a new data directory with its log in the file `said` there, and returns these with
    /// a token that may pull and push.
    pub(crate) fn start_logged(arguments: &[&str]) -> (TempDir, Self, String) {
        let data = tempfile::tempdir().unwrap();
        let create = ["token", "create", "--init", "--scope", "pull,push"];
        let created = run(&create, data.path());
        let token = String::from_utf8(created.stdout).unwrap();
        let token = token.lines().last().unwrap().to_owned();
        let said = File::create(data.path().join("said")).unwrap();
        let program = Self::start_saying(data.path(), arguments, said);
        (data, program, token)
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
