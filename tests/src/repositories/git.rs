//! `GitCheckout`: a git repository with its work tree.

use std::path::{Path, PathBuf};

use crate::Transcript;
use crate::programs::hermetic;

use super::write_application;

/// A repository with a work tree. Its commits have fixed dates and authors, so that the same
/// content has the same ids in every run.
pub struct GitCheckout {
    /// The work tree.
    pub path: PathBuf,
    /// The project that its recipe names.
    pub project: String,
    commits: u32,
}

impl GitCheckout {
    /// Makes a repository with one commit of a small application.
    pub fn with_application(path: &Path, project: &str) -> Self {
        std::fs::create_dir_all(path).expect("the work tree");
        let mut checkout = Self {
            path: path.to_owned(),
            project: project.to_owned(),
            commits: 0,
        };
        checkout.git(&["init", "-q", "-b", "main"]);
        write_application(path, project);
        checkout.commit("The application");
        checkout
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        super::write(&self.path, path, content);
    }

    /// Commits everything in the work tree and returns the commit's id.
    pub fn commit(&mut self, message: &str) -> String {
        self.commits += 1;
        let (minutes, hours) = (self.commits / 24, self.commits % 24);
        let date = format!("2026-11-22T{hours:02}:{minutes:02}:00+01:00");
        self.git(&["add", "--all"]);
        Transcript::of(
            self.command()
                .args(["commit", "-q", "--allow-empty", "-m", message])
                .env("GIT_AUTHOR_DATE", &date)
                .env("GIT_COMMITTER_DATE", &date),
        )
        .done();
        self.git(&["rev-parse", "HEAD"]).last_line().to_owned()
    }

    /// Changes one line of the application and commits that.
    pub fn commit_change(&mut self, line: &str) -> String {
        self.write("public/index.html", format!("<h1>{line}</h1>\n"));
        self.commit(line)
    }

    /// Runs git in the work tree.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> Transcript {
        Transcript::of(self.command().args(arguments)).done()
    }

    fn command(&self) -> std::process::Command {
        let mut command = hermetic("git", &self.path);
        command.current_dir(&self.path);
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Alice")
                .env(format!("GIT_{role}_EMAIL"), "alice@example.com");
        }
        command
    }
}
