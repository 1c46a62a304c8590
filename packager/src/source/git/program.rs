//! The `git` program as a child process: its arguments, its environment and its failures.
//!
//! Only what the object database cannot answer is asked of it: names that need the reflog or a
//! search, and repositories that are elsewhere. No hook, no file system monitor and no `ext::`
//! transport runs, whatever the configuration says, and no prompt appears.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::child;

/// Variables that would lead `git` to another repository than the one meant, or to one of another
/// form.
const LEADING_ASTRAY: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DEFAULT_REF_FORMAT",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
    "LANGUAGE",
];

/// The program of Git LFS.
const LFS: &str = "git-lfs";

/// Lets `ssh` fail where it would ask.
pub(super) const BATCH_SSH: &str = "ssh -oBatchMode=yes";

/// Runs `git` for one repository.
pub(super) struct Git {
    directory: PathBuf,
}

/// Why `git` gave no answer.
#[derive(Debug)]
pub(super) enum GitFailure {
    /// There is no such program.
    Missing(String),
    /// It cannot be started.
    Start(io::Error),
    /// The repository that it fetches into cannot be made.
    Prepare(io::Error),
    /// What it said before it failed.
    Said(String),
}

impl std::fmt::Display for GitFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(program) => write!(formatter, "the program `{program}` is not installed"),
            Self::Prepare(error) => {
                write!(
                    formatter,
                    "cannot make the repository to fetch into: {error}"
                )
            }
            Self::Start(error) => write!(formatter, "cannot start `git`: {error}"),
            Self::Said(text) => formatter.write_str(text),
        }
    }
}

impl Git {
    /// `directory` is a git directory: `.git`, or a bare repository.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Runs `git` and returns its standard output. `operands` cannot be taken for options.
    pub(super) fn run<Operand: AsRef<OsStr>>(
        &self,
        arguments: &[&str],
        operands: &[Operand],
    ) -> Result<Vec<u8>, GitFailure> {
        let mut command = self.command();
        command.args(arguments).arg("--").args(operands);
        output(command)
    }

    /// Asks `git rev-parse` for the one object that `revision` names.
    pub(super) fn object(&self, revision: &str) -> Result<String, GitFailure> {
        let mut command = self.command();
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options"]);
        command.arg(revision);
        Ok(String::from_utf8_lossy(&output(command)?).trim().to_owned())
    }

    /// Runs `git-lfs` itself, so that no alias is taken for it. It reads operands without `--`.
    pub(super) fn lfs<Operand: AsRef<OsStr>>(
        &self,
        arguments: &[Operand],
    ) -> Result<Vec<u8>, GitFailure> {
        let mut command = child::command(LFS);
        command.args(arguments);
        let mut command = self.settled(command);
        command.env("GIT_DIR", &self.directory);
        output(command)
    }

    /// Tells whether the user has a command of their own in the place of `ssh`. A setting here would
    /// win over it.
    pub(super) fn has_ssh_of_its_own(&self) -> bool {
        let mut command = self.command();
        command.args(["config", "--get", "core.sshCommand"]);
        has_ssh_variable() || output(command).is_ok()
    }

    fn command(&self) -> Command {
        let mut command = child::command("git");
        command
            .arg("--no-pager")
            .arg("--git-dir")
            .arg(&self.directory)
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(["-c", "core.fsmonitor=false"])
            .args(["-c", "protocol.ext.allow=never"])
            .args(["-c", "credential.interactive=false"]);
        self.settled(command)
    }

    /// Gives a program its directory and its environment.
    fn settled(&self, mut command: Command) -> Command {
        command.current_dir(&self.directory);
        for variable in LEADING_ASTRAY {
            command.env_remove(variable);
        }
        command
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GCM_INTERACTIVE", "never")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            // A partial clone is not filled in passing.
            .env("GIT_NO_LAZY_FETCH", "1")
            // URLs come from a repository: `protocol.*.allow=user` is not enough for them.
            .env("GIT_PROTOCOL_FROM_USER", "0")
            .stdin(Stdio::null());
        command
    }
}

/// Tells whether the user names a program in the place of `ssh`.
#[expect(
    clippy::disallowed_methods,
    reason = "git inherits the variables; only whether they are there counts here"
)]
fn has_ssh_variable() -> bool {
    ["GIT_SSH", "GIT_SSH_COMMAND"]
        .into_iter()
        .any(|variable| std::env::var_os(variable).is_some())
}

fn output(mut command: Command) -> Result<Vec<u8>, GitFailure> {
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            GitFailure::Missing(command.get_program().to_string_lossy().into_owned())
        }
        _ => GitFailure::Start(error),
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    // `ssh` ends its lines with CR LF.
    let lines: Vec<&str> = text.trim().lines().collect();
    Err(GitFailure::Said(lines.join("\n")))
}
