//! What keeps a tree from being written or removed, and is gone when it is dropped: mounts,
//! processes, immutable files.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Something that is mounted.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Shows a directory or a file at another path.
    pub(crate) fn bind(what: &Path, point: &Path) -> Option<Self> {
        Self::new(&["--bind".as_ref(), what.as_os_str()], point)
    }

    /// An empty file system, with the options of `mount -o`; the directory may not be there yet.
    pub(crate) fn tmpfs(point: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(point).unwrap();
        Self::new(
            &["-t", "tmpfs", "-o", options, "tmpfs"].map(OsStr::new),
            point,
        )
    }

    /// An empty ext4 file system whose times are whole seconds, in a file beside the directory.
    pub(crate) fn whole_seconds(point: &Path) -> Option<Self> {
        let image = point.with_added_extension("img");
        fs::create_dir_all(point).unwrap();
        fs::File::create_new(&image)
            .and_then(|file| file.set_len(64 << 20))
            .unwrap();
        let small_inodes = ["-q", "-I", "128"];
        let made = Command::new("mkfs.ext4")
            .args(small_inodes)
            .arg(&image)
            .output();
        if !made.is_ok_and(|made| made.status.success()) {
            eprintln!("skip: no disk is made, because there is no mkfs.ext4 (Debian: e2fsprogs)");
            return None;
        }
        Self::new(&["-o".as_ref(), "loop".as_ref(), image.as_os_str()], point)
    }

    fn new(arguments: &[&OsStr], point: &Path) -> Option<Self> {
        let is_mounted = rustix::process::geteuid().is_root() && mount(arguments, point);
        if !is_mounted {
            eprintln!("skip: nothing is mounted, because this is not root or may not mount");
        }
        is_mounted.then(|| Self(point.to_owned()))
    }

    /// Mounts what an overlay makes of a directory.
    pub(crate) fn overlay(lower: &Path, [upper, work]: [&Path; 2], point: &Path) -> Option<Self> {
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            work.display()
        );
        let arguments = ["-t", "overlay", "-o", &layers, "overlay"];
        Self::new(&arguments.map(OsStr::new), point)
    }

    pub(crate) fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro,bind"].map(OsStr::new), &self.0));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn mount(arguments: &[&OsStr], point: &Path) -> bool {
    let mut command = Command::new("mount");
    succeeds(command.args(arguments).arg(point))
}

/// A process that runs.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Starts a program, and waits for its first line, which is `ready`.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    /// Runs a shell's script, for which `$1` is the tree, until this is dropped.
    pub(crate) fn script(script: &str, tree: &Path) -> Self {
        Self::start(
            Command::new("sh")
                .args(["-c", &until_dropped(script), "sh"])
                .arg(tree),
        )
    }

    /// The same in a mount namespace of its own, with a second path as `$2`.
    pub(crate) fn container(script: &str, paths: [&Path; 2]) -> Option<Self> {
        let may = rustix::process::geteuid().is_root()
            && succeeds(Command::new("unshare").args(["--mount", "true"]));
        if !may {
            eprintln!(
                "skip: no mount namespace is made, because this is not root or has no unshare"
            );
            return None;
        }
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c"])
            .args([&until_dropped(script), "sh"])
            .args(paths);
        Some(Self::start(&mut command))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until_dropped(script: &str) -> String {
    format!("{script} && echo ready && read line")
}

/// A file that cannot be changed or removed.
pub(crate) struct Immutable(PathBuf);

impl Immutable {
    pub(crate) fn new(path: PathBuf) -> Option<Self> {
        let is_set = rustix::process::geteuid().is_root() && chattr("+i", &path);
        if !is_set {
            eprintln!("skip: no file flag is set, because this is not root or has no chattr");
        }
        is_set.then_some(Self(path))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        chattr("-i", &self.0);
    }
}

fn chattr(change: &str, path: &Path) -> bool {
    succeeds(Command::new("chattr").arg(change).arg(path))
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
