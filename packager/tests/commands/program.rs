//! `bulla` in a home directory of its own, with nothing of the caller's environment.

use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A home directory with a git checkout in it.
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// A home with a committed checkout of the project `acme/billing`.
    pub(crate) fn with_checkout() -> Self {
        let home = Self::new();
        std::fs::create_dir(home.path("checkout")).unwrap();
        home.write(
            "checkout/bulla.toml",
            "[bundle]\nproject = \"acme/billing\"\n",
        );
        home.write("checkout/index.php", "<?php echo 1;\n");
        home.git(&["init", "-q", "-b", "main"]);
        home.git(&["add", "-A"]);
        home.git(&["commit", "-q", "-m", "one"]);
        home
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, content: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Commits everything in the checkout.
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// Runs git in the checkout.
    pub(crate) fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example"];
        let arguments = [&identity, arguments].concat();
        self.run("git", &arguments, "checkout", &[]);
    }

    /// Runs another program in a directory, with this on its stdin, and expects that it works.
    pub(crate) fn run(&self, program: &str, arguments: &[&str], below: &str, input: &[u8]) {
        let mut command = Command::new(program);
        self.isolate(&mut command);
        let mut stdin = tempfile::tempfile().unwrap();
        stdin.write_all(input).unwrap();
        stdin.rewind().unwrap();
        command
            .args(arguments)
            .current_dir(self.path(below))
            .stdin(stdin);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
    }

    /// Runs `bulla` in the home directory.
    pub(crate) fn bulla(&self, arguments: &[&str]) -> Ran {
        self.bulla_with(arguments, &[])
    }

    /// Runs `bulla` with variables of the environment.
    pub(crate) fn bulla_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        Ran(self.command(arguments, variables).output().unwrap())
    }

    /// Prepares to run `bulla` in the home directory.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla"));
        self.isolate(&mut command);
        command.args(arguments).current_dir(self.directory.path());
        command.envs(variables.iter().copied());
        command
    }

    fn isolate(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.directory.path())
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    }
}

/// What a run of `bulla` said.
pub(crate) struct Ran(Output);

impl Ran {
    pub(crate) fn status(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    /// Returns stdout byte by byte.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0.stdout
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Returns all that the run said, with its exit status: lines on stderr begin with `!`. Hashes
    /// and revisions, which are others in each run, are written as `HASH`.
    pub(crate) fn transcript(&self) -> String {
        let stderr = self.stderr();
        let stderr = stderr.lines().map(|line| format!("! {line}\n"));
        let text: String = self
            .stdout()
            .lines()
            .map(|line| format!("{line}\n"))
            .chain(stderr)
            .collect();
        let is_hash = |word: &str| {
            let digits = word.strip_prefix("sha256:").unwrap_or(word);
            digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let mut masked = String::new();
        for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != ':') {
            let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_hash(word) {
                masked.push_str("HASH");
                masked.push_str(&piece[word.len()..]);
            } else {
                masked.push_str(piece);
            }
        }
        format!("{masked}status {}", self.status())
    }

    /// Returns the last line on stdout of a run that worked.
    pub(crate) fn last_line(&self) -> String {
        assert_eq!(self.status(), 0, "{}", self.stderr());
        self.stdout().lines().last().unwrap_or_default().to_owned()
    }

    /// Checks that the run failed as expected and said so.
    pub(crate) fn assert_failure(&self, status: i32, said: &[&str]) {
        self.assert_failure_after(status, said);
        let stderr = self.stderr();
        assert!(stderr.starts_with("error: "), "{stderr}");
    }

    /// Checks that the run failed as expected, whatever it said before that.
    pub(crate) fn assert_failure_after(&self, status: i32, said: &[&str]) {
        let stderr = self.stderr();
        assert_eq!(self.status(), status, "{stderr}");
        for part in said {
            assert!(stderr.contains(part), "{part:?} is not in:\n{stderr}");
        }
        assert!(stderr.contains("error: "), "{stderr}");
    }
}

/// Says aloud that a test is left out. The test runner keeps what `eprintln!` says of a passed
/// test.
pub(crate) fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "skip: {why}");
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
