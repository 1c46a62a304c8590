//! What stands in the way of an installer on a real machine, until it is dropped.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Something in a tree that must not be disturbed.
pub(crate) enum Hindrance {
    Mounted(Mounted),
    Running(Running),
    Immutable(Immutable),
}

impl Hindrance {
    /// Expects that what uses a tree still has it.
    pub(crate) fn assert_undisturbed(&self, context: &str) {
        match self {
            Self::Mounted(_) => {}
            Self::Running(running) => running.assert_undisturbed(context),
            Self::Immutable(Immutable(path)) => {
                assert!(path.exists(), "{context}: `{}` is gone", path.display());
            }
        }
    }
}

/// Something that is mounted.
pub(crate) struct Mounted {
    pub(crate) point: PathBuf,
}

impl Mounted {
    /// Mounts, where this user may.
    pub(crate) fn new(arguments: &[&str], what: &Path, point: &Path) -> Option<Self> {
        let may = rustix::process::geteuid().is_root();
        let mounted = may && succeeds(Command::new("mount").args(arguments).args([what, point]));
        if !mounted {
            bulla_tests::skip("a mount in the week, because this is not root or may not mount");
        }
        mounted.then(|| Self {
            point: point.to_owned(),
        })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        succeeds(Command::new("umount").arg(&self.point));
    }
}

/// A process that uses a tree.
pub(crate) struct Running {
    child: Child,
    /// What it must keep: `cwd`, `exe` or `fd/3`.
    holds: &'static str,
    /// The file or directory, wherever it is by now.
    file: (u64, u64),
}

impl Running {
    /// Works in a directory.
    pub(crate) fn working_in(directory: &Path) -> Self {
        Self::shell("cd \"$1\" && echo ready && read line", directory, "cwd")
    }

    /// Has a file open.
    pub(crate) fn reading(file: &Path) -> Self {
        Self::shell("exec 3<\"$1\" && echo ready && read line", file, "fd/3")
    }

    /// Runs a program that ends with its input.
    pub(crate) fn program(program: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir("/").stdout(Stdio::null());
        let child = command.stdin(Stdio::piped()).spawn().unwrap();
        Self::of(child, "exe", program)
    }

    fn shell(script: &str, path: &Path, holds: &'static str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(path);
        let mut child = command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self::of(child, holds, path)
    }

    fn of(child: Child, holds: &'static str, path: &Path) -> Self {
        let file = identity(path);
        let running = Self { child, holds, file };
        running.assert_undisturbed("at its start");
        running
    }

    fn assert_undisturbed(&self, context: &str) {
        let link = PathBuf::from(format!("/proc/{}/{}", self.child.id(), self.holds));
        let now = fs::read_link(&link)
            .unwrap_or_else(|error| panic!("{context}: a process is gone: {error}"));
        assert!(
            !now.to_string_lossy().ends_with(" (deleted)"),
            "{context}: a process lost `{}`",
            now.display()
        );
        assert_eq!(identity(&now), self.file, "{context}: {}", now.display());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn identity(path: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (found.dev(), found.ino())
}

/// A file that cannot be changed or removed.
pub(crate) struct Immutable(PathBuf);

impl Immutable {
    /// Sets the flag, where this user may.
    pub(crate) fn new(path: PathBuf) -> Option<Self> {
        let may = rustix::process::geteuid().is_root();
        let set = may && succeeds(Command::new("chattr").arg("+i").arg(&path));
        if !set {
            bulla_tests::skip(
                "an immutable file in the week, because this is not root or has no chattr",
            );
        }
        set.then_some(Self(path))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        succeeds(Command::new("chattr").arg("-i").arg(&self.0));
    }
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
