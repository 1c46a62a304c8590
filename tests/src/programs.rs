//! Finds the programs under test and starts them with an environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `bulla`
    Bulla,
    /// `bulla-registry`
    Registry,
    /// `bulla-installer`
    Installer,
    /// `bulla-installer` that kills itself where `BULLA_FAILPOINT` says.
    FailingInstaller,
    /// `bulla-registry` that does so.
    FailingRegistry,
}

impl Program {
    const fn variable(self) -> &'static str {
        match self {
            Self::Bulla => "BULLA_PROGRAM",
            Self::Registry => "BULLA_REGISTRY_PROGRAM",
            Self::Installer => "BULLA_INSTALLER_PROGRAM",
            Self::FailingInstaller => "BULLA_FAILING_INSTALLER_PROGRAM",
            Self::FailingRegistry => "BULLA_FAILING_REGISTRY_PROGRAM",
        }
    }

    /// Benches are built for release, and so are the programs that they time.
    const fn path_in_target(self) -> &'static str {
        match (self, cfg!(debug_assertions)) {
            (Self::Bulla, true) => "debug/bulla",
            (Self::Bulla, false) => "release/bulla",
            (Self::Registry, true) => "debug/bulla-registry",
            (Self::Registry, false) => "release/bulla-registry",
            (Self::Installer, true) => "debug/bulla-installer",
            (Self::Installer, false) => "release/bulla-installer",
            (Self::FailingInstaller, _) => "failpoints/bulla-installer",
            (Self::FailingRegistry, _) => "failpoints/bulla-registry",
        }
    }

    /// Returns where the program lies: where its variable says, else in the target directory
    /// that the running test was built in.
    #[expect(
        clippy::disallowed_methods,
        reason = "how a person names other programs to test"
    )]
    pub fn path(self) -> PathBuf {
        let path = std::env::var_os(self.variable()).map_or_else(
            || target_directory().join(self.path_in_target()),
            PathBuf::from,
        );
        assert!(
            path.is_file(),
            "`{}` does not exist: run `make test`, which builds the programs first, or name one in {}",
            path.display(),
            self.variable(),
        );
        path
    }
}

/// Returns the target directory: the test itself is `TARGET/<profile>/deps/system-<hash>`.
pub fn target_directory() -> PathBuf {
    std::env::current_exe()
        .expect("a running program has a path")
        .ancestors()
        .nth(3)
        .expect("a test lies three levels deep in the target directory")
        .to_owned()
}

/// Makes a command that knows nothing of the person who runs the tests: an empty home, no
/// configuration of git, svn or Bulla, one locale and one time zone.
#[expect(clippy::disallowed_methods, reason = "programs are found in PATH")]
pub fn hermetic(program: impl AsRef<Path>, home: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(std::process::Stdio::null());
    command
}

/// Returns a `PATH` with the programs under test in front.
#[expect(clippy::disallowed_methods, reason = "programs are found in PATH")]
pub fn search_path() -> String {
    let programs = Program::Bulla.path();
    let programs = programs.parent().expect("a directory").display();
    format!("{programs}:{}", std::env::var("PATH").unwrap_or_default())
}

/// Returns a program where its package puts it, or where `scripts/setup` unpacked that.
pub fn find_tool(name: &str, folder: &str) -> Option<PathBuf> {
    let unpacked = target_directory().join("tools").join(name);
    [Path::new("/").join(folder), unpacked.join(folder)]
        .map(|folder| folder.join(name))
        .into_iter()
        .find(|path| path.exists())
}

/// Tells whether a program of the machine can be started.
pub fn is_installed(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", "command -v \"$0\" >/dev/null", program])
        .status()
        .is_ok_and(|status| status.success())
}
