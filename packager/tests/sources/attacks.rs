//! Checkouts whose configuration names programs, packed, checked and examined by their owner and
//! by someone else. Each attack has a file of its own, and a program that would leave a mark.

mod alias;
mod ask_pass;
mod clean_filter;
mod credential_helper;
mod external_diff;
mod fsmonitor;
mod git_proxy;
mod hooks;
mod include;
mod lfs_extension;
mod lfs_server;
mod pager;
mod pipes;
mod process_filter;
mod remote_helper;
mod ssh_command;
mod submodule;
mod svn_database;
mod svn_externals;
mod svn_owner;
mod transfer_agent;
mod upload_pack;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bulla_schemas::Digest;
use tempfile::TempDir;

use crate::checkout::{GitRepository, make_executable, program, run, skip};

/// A user that owns nothing here.
const STRANGER: u32 = 54321;

/// A program that leaves a mark wherever it is run from.
struct Canary {
    directory: TempDir,
}

impl Canary {
    fn new() -> Self {
        let canary = Self {
            directory: TempDir::new().unwrap(),
        };
        let script = format!(
            "#!/bin/sh\necho \"$0 $*\" >>'{}'\n",
            canary.mark().display()
        );
        std::fs::write(canary.path(), script).unwrap();
        make_executable(&canary.path());
        canary
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("canary")
    }

    /// Returns the command, as a configuration would name it.
    fn command(&self) -> String {
        self.path().display().to_string()
    }

    /// Puts the program also where `name` is looked for, before all others.
    fn as_program(&self, name: &str) {
        let search = self.directory.path().join("search");
        std::fs::create_dir_all(&search).unwrap();
        std::fs::copy(self.path(), search.join(name)).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "a test knows its environment")]
    fn search_path(&self) -> String {
        let search = self.directory.path().join("search");
        format!("{}:{}", search.display(), std::env::var("PATH").unwrap())
    }

    fn mark(&self) -> PathBuf {
        self.directory.path().join("mark")
    }

    fn assert_silent(&self, what: &str) {
        let mark = std::fs::read_to_string(self.mark());
        assert!(mark.is_err(), "{what} ran {}", mark.unwrap_or_default());
    }

    /// Shows that the trap works: what `command` does runs the program.
    fn assert_heard(&self, command: &mut Command) {
        let output = command.output().unwrap();
        assert!(self.mark().exists(), "{command:?}: {output:?}");
        std::fs::remove_file(self.mark()).unwrap();
    }
}

/// Everything that opens the checkout at `directory`.
fn all_commands(directory: &Path, home: &Path, canary: &Canary) -> Vec<(String, Output)> {
    let mut outputs = Vec::new();
    for arguments in [
        &["pack", "--fresh"][..],
        &["pack", "--fresh", "--allow-dirty"],
        &["pack", "--fresh", "--revision", "HEAD"],
        &["pack", "--fresh", "--revision", "HEAD^{/x}"],
        &["check"],
        &["doctor"],
    ] {
        // From outside, and from within.
        for (here, operand) in [(home, directory), (directory, Path::new("."))] {
            let output = program(env!("CARGO_BIN_EXE_bulla"), home)
                .env("PATH", canary.search_path())
                .current_dir(here)
                .args(arguments)
                .arg(operand)
                .output()
                .unwrap();
            outputs.push((format!("{arguments:?} in {}", here.display()), output));
        }
    }
    outputs
}

/// A checkout with a canary.
struct Trap {
    canary: Canary,
    repository: GitRepository,
}

impl Trap {
    /// A trap in a checkout that came from `remote`.
    fn new(remote: &str) -> Self {
        Self::in_checkout(git_repository(remote))
    }

    fn in_checkout(repository: GitRepository) -> Self {
        Self {
            canary: Canary::new(),
            repository,
        }
    }

    /// Writes to the configuration of the checkout, with the program for `CANARY`.
    fn configure(&self, key: &str, value: &str) {
        self.configure_in(&self.repository.work(), key, value);
    }

    fn configure_in(&self, directory: &Path, key: &str, value: &str) {
        let [key, value] = [key, value].map(|text| text.replace("CANARY", &self.canary.command()));
        self.repository.git_in(directory, &["config", &key, &value]);
    }

    /// Makes every file differ from what the index remembers of it.
    fn touch(&self) {
        run(program("touch", self.repository.home())
            .current_dir(self.repository.work())
            .args(["-d", "2026-11-21", "README", "large.bin", "secret.txt"]));
        self.repository.write("secret.txt", "y\n");
    }

    /// Shows that the trap works: git runs the program.
    fn assert_sprung_by(&self, arguments: &[&str]) {
        self.canary.assert_heard(
            program("git", self.repository.home())
                .current_dir(self.repository.work())
                .env("PATH", self.canary.search_path())
                .env("GIT_TERMINAL_PROMPT", "0")
                .args(arguments),
        );
    }

    /// Runs everything as the owner of the checkout and as another user: nothing of it may run.
    fn assert_silent(&self) {
        let (directory, home) = (self.repository.work(), self.repository.home());
        for (what, _) in all_commands(&directory, home, &self.canary) {
            self.canary.assert_silent(&format!("{what}, owned"));
        }
        assert_refused_to_others(&directory, home, &self.canary);
    }
}

/// As another user, nothing is started at all.
fn assert_refused_to_others(directory: &Path, home: &Path, canary: &Canary) {
    if !give_away(directory) {
        return;
    }
    for name in ["git", "git-lfs", "svn", "ssh"] {
        canary.as_program(name);
    }
    for (what, output) in all_commands(directory, home, canary) {
        canary.assert_silent(&format!("{what}, of a stranger"));
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).replace('\n', " ");
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("belongs to another user"), "{what}: {words}");
        assert!(words.contains("safe.directory"), "{what}: {words}");
        assert!(!output.status.success(), "{what}");
    }
}

/// Makes everything at `directory` another user's; only root can.
fn give_away(directory: &Path) -> bool {
    let owner = STRANGER.to_string();
    let output = Command::new("chown")
        .args(["-R", "-h", &owner])
        .arg(directory)
        .output()
        .unwrap();
    if !output.status.success() {
        skip("a checkout of another user, because only root can make one");
    }
    output.status.success()
}

/// A repository with a pointer of Git LFS whose content is nowhere, and a file that was touched.
fn git_repository(remote: &str) -> GitRepository {
    let repository = GitRepository::with_files();
    let content = "a large file\n";
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid {}\nsize {}\n",
        Digest::of(content.as_bytes()),
        content.len()
    );
    repository.write("large.bin", pointer);
    repository.write("secret.txt", "x\n");
    repository.commit("x");
    repository.write(
        ".gitattributes",
        "*.bin filter=lfs diff=lfs -text\n*.txt filter=own diff=own\n",
    );
    repository.commit("attributes");
    repository.git(&["config", "remote.origin.url", remote]);
    repository
}
