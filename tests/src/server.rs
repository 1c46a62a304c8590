//! `Server`: two folders that stand for a machine on which releases are installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::{Program, hermetic};
use crate::{Transcript, Tree};

/// A server: where its projects live and what it remembers.
#[derive(Debug, Clone)]
pub struct Server {
    /// `--root`
    pub root: PathBuf,
    /// `--state`
    pub state: PathBuf,
    home: PathBuf,
}

impl Server {
    /// Lays out an empty server in `directory`.
    pub fn new(directory: &Path, home: &Path) -> Self {
        let server = Self {
            root: directory.join("srv"),
            state: directory.join("state"),
            home: home.to_owned(),
        };
        std::fs::create_dir_all(&server.root).expect("the server's root");
        server
    }

    /// Makes a command of the installer on this server, for tests that change it further.
    pub fn command<A: AsRef<OsStr>>(&self, program: Program, arguments: &[A]) -> Command {
        let mut command = hermetic(program.path(), &self.home);
        let (verb, rest) = arguments.split_first().expect("a verb");
        command
            .arg(verb)
            .arg("--root")
            .arg(&self.root)
            .arg("--state")
            .arg(&self.state)
            .args(rest);
        command
    }

    /// Runs the installer on this server.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Transcript {
        Transcript::of(&mut self.command(Program::Installer, arguments))
    }

    /// Runs an installer that kills itself at `failpoint`.
    pub fn run_until<A: AsRef<OsStr>>(&self, failpoint: &str, arguments: &[A]) -> Transcript {
        Transcript::of(
            self.command(Program::FailingInstaller, arguments)
                .env("BULLA_FAILPOINT", failpoint),
        )
    }

    /// Installs what `channel` points to.
    pub fn install(&self, project: &str, channel: &str) -> Transcript {
        self.run(&["install", project, "--channel", channel])
    }

    /// Returns the project's folder.
    pub fn project(&self, project: &str) -> PathBuf {
        self.root.join(project)
    }

    /// Returns the hash that is live, as `sha256:...`, by what the link says.
    pub fn live(&self, project: &str) -> Option<String> {
        let link = std::fs::read_link(self.project(project).join("current")).ok()?;
        Some(format!("sha256:{}", link.file_name()?.to_str()?))
    }

    /// Returns the live tree, followed through the link.
    pub fn live_tree(&self, project: &str) -> Tree {
        Tree::read(&self.project(project).join("current/"))
    }
}
