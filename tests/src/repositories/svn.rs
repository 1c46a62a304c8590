//! `SvnCheckout`: a Subversion repository and a working copy of its trunk.

use std::path::{Path, PathBuf};

use crate::Transcript;
use crate::programs::hermetic;

use super::write_application;

/// A working copy of `<repository>/trunk`.
pub struct SvnCheckout {
    /// The working copy.
    pub path: PathBuf,
    /// The repository that `svnadmin` made.
    pub repository: PathBuf,
    /// The project that its recipe names.
    pub project: String,
}

impl SvnCheckout {
    /// Makes a repository and a working copy with one revision of a small application.
    pub fn with_application(directory: &Path, project: &str) -> Self {
        std::fs::create_dir_all(directory).expect("the repository's folder");
        let checkout = Self {
            path: directory.join("checkout"),
            repository: directory.join("repository"),
            project: project.to_owned(),
        };
        let repository = checkout.repository.to_str().expect("a path in UTF-8");
        checkout.run("svnadmin", directory, &["create", repository]);
        let url = checkout.url();
        checkout.run(
            "svn",
            directory,
            &[
                "mkdir",
                "-q",
                "-m",
                "Lay out",
                &format!("{url}/trunk"),
                &format!("{url}/tags"),
            ],
        );
        checkout.run(
            "svn",
            directory,
            &["checkout", "-q", &format!("{url}/trunk"), "checkout"],
        );
        write_application(&checkout.path, project);
        checkout.commit("The application");
        checkout
    }

    /// Returns the repository's URL.
    pub fn url(&self) -> String {
        format!("file://{}", self.repository.display())
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        super::write(&self.path, path, content);
    }

    /// Commits everything in the working copy and returns the revision's number.
    pub fn commit(&self, message: &str) -> String {
        self.svn(&["add", "-q", "--force", "."]);
        self.svn(&["commit", "-q", "-m", message]);
        self.svn(&["update", "-q"]);
        self.svn(&["info", "--show-item", "revision"])
            .last_line()
            .trim()
            .to_owned()
    }

    /// Changes one line of the application and commits that.
    pub fn commit_change(&self, line: &str) -> String {
        self.write("public/index.html", format!("<h1>{line}</h1>\n"));
        self.commit(line)
    }

    /// Runs svn in the working copy.
    #[track_caller]
    pub fn svn(&self, arguments: &[&str]) -> Transcript {
        self.run("svn", &self.path, arguments)
    }

    #[track_caller]
    fn run(&self, program: &str, directory: &Path, arguments: &[&str]) -> Transcript {
        // Subversion would otherwise make a folder for its settings in the checkout's parent.
        let home = self.repository.with_file_name("svn-home");
        std::fs::create_dir_all(&home).expect("a home for svn");
        Transcript::of(
            hermetic(program, &home)
                .current_dir(directory)
                .args(arguments),
        )
        .done()
    }
}
