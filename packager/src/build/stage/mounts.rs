//! What lies in a sandbox's root, and how a process in namespaces of its own gets there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use serde::{Deserialize, Serialize};

/// One place in the root. `at` is absolute, in the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::build) enum Mount {
    /// A file or directory of the machine that can only be read.
    Shown { from: PathBuf, at: PathBuf },
    /// A directory that the build may write to.
    Lent { from: PathBuf, at: PathBuf },
    /// A link.
    Link { target: PathBuf, at: PathBuf },
    /// The processes of the sandbox, and what the kernel says of the machine, to read only.
    Processes { at: PathBuf },
    /// The few devices that every program expects.
    Devices { at: PathBuf },
}

/// What in `/proc` changes the machine. The kernel lets the machine's root write to it whatever
/// root is called in a sandbox, and a setting such as `kernel.core_pattern` runs programs outside.
pub(in crate::build) const SETTINGS: [&str; 9] = [
    "acpi",
    "bus",
    "driver",
    "fs",
    "irq",
    "mtrr",
    "scsi",
    "sys",
    "sysrq-trigger",
];
/// What in `/proc` has secrets of the machine.
pub(in crate::build) const SECRETS: [&str; 4] = ["kcore", "keys", "kmsg", "timer_list"];
/// Devices that hold nothing of the machine.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Makes `root` the root directory, with `mounts` and nothing else in it.
pub(super) fn enter_root(root: &Path, mounts: &[Mount]) -> io::Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(|error| failed("keep", "/", error))?;
    temporary(root, c"mode=0755")?;
    for mount in mounts {
        make(root, mount)?;
    }
    read_only(root)?;
    let enter = || -> Result<(), rustix::io::Errno> {
        rustix::process::chdir(root)?;
        // The old root ends up below the new one, and is let go.
        rustix::process::pivot_root(".", ".")?;
        rustix::mount::unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")
    };
    enter().map_err(|error| failed("change to", root, error))
}

fn make(root: &Path, mount: &Mount) -> io::Result<()> {
    match mount {
        Mount::Shown { from, at } => {
            let place = bind(root, from, at)?;
            for below in mounted_at(&place)? {
                read_only(&below)?;
            }
            Ok(())
        }
        Mount::Lent { from, at } => bind(root, from, at).map(drop),
        Mount::Link { target, at } => {
            let place = prepare(root, at)?;
            std::os::unix::fs::symlink(target, &place)
                .map_err(|error| doing("link", &place, &error))
        }
        Mount::Processes { at } => processes(root, at),
        Mount::Devices { at } => devices(root, at),
    }
}

fn processes(root: &Path, at: &Path) -> io::Result<()> {
    let place = directory(root, at)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", &place, "proc", flags, None)
        .map_err(|error| failed("mount proc at", at, error))?;
    // In namespaces of its own a build would have privileges again, over cgroups for one.
    let limit = place.join("sys/user/max_user_namespaces");
    fs::write(&limit, "0").map_err(|error| doing("forbid more namespaces by", &limit, &error))?;
    for name in SETTINGS {
        let covered = place.join(name);
        if covered.exists() {
            rustix::mount::mount_bind(&covered, &covered)
                .map_err(|error| failed("cover", &covered, error))?;
            read_only(&covered)?;
        }
    }
    for name in SECRETS {
        let covered = place.join(name);
        if covered.exists() {
            rustix::mount::mount_bind("/dev/null", &covered)
                .map_err(|error| failed("cover", &covered, error))?;
        }
    }
    Ok(())
}

fn devices(root: &Path, at: &Path) -> io::Result<()> {
    let place = directory(root, at)?;
    temporary(&place, c"mode=0755")?;
    let terminals = directory(root, &at.join("pts"))?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let options = c"newinstance,ptmxmode=0666,mode=620";
    rustix::mount::mount("devpts", &terminals, "devpts", flags, options)
        .map_err(|error| failed("mount devpts at", &terminals, error))?;
    for name in DEVICES {
        bind(root, &Path::new("/dev").join(name), &at.join(name))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        std::os::unix::fs::symlink(target, place.join(name))
            .map_err(|error| doing("link", &place.join(name), &error))?;
    }
    // Shared memory is a directory to programs.
    directory(root, &at.join("shm")).map(drop)
}

fn temporary(place: &Path, options: &std::ffi::CStr) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", place, "tmpfs", flags, options)
        .map_err(|error| failed("mount a tmpfs at", place, error))
}

fn bind(root: &Path, from: &Path, at: &Path) -> io::Result<PathBuf> {
    let is_directory = fs::metadata(from)
        .map_err(|error| doing("look at", from, &error))?
        .is_dir();
    let place = if is_directory {
        directory(root, at)?
    } else {
        let place = prepare(root, at)?;
        fs::write(&place, "").map_err(|error| doing("make", &place, &error))?;
        place
    };
    // With everything below it: the kernel lets nobody uncover what a mount hides.
    rustix::mount::mount_bind_recursive(from, &place)
        .map_err(|error| failed("show", from, error))?;
    Ok(place)
}

/// Returns where `at` lies outside, and makes the directories above it.
fn prepare(root: &Path, at: &Path) -> io::Result<PathBuf> {
    let place = root.join(at.strip_prefix("/").unwrap_or(at));
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).map_err(|error| doing("make", parent, &error))?;
    }
    Ok(place)
}

fn directory(root: &Path, at: &Path) -> io::Result<PathBuf> {
    let place = prepare(root, at)?;
    match fs::create_dir(&place) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(doing("make", &place, &error))
        }
        _ => Ok(place),
    }
}

/// Takes the right to write from one mount. What it lacked already it must go on lacking: a user
/// namespace may not give it back.
fn read_only(place: &Path) -> io::Result<()> {
    let has = rustix::fs::statvfs(place)
        .map_err(|error| failed("look at", place, error))?
        .f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID;
    for (lacks, flag) in [
        (rustix::fs::StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (rustix::fs::StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (rustix::fs::StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (
            rustix::fs::StatVfsMountFlags::NODIRATIME,
            MountFlags::NODIRATIME,
        ),
        (
            rustix::fs::StatVfsMountFlags::RELATIME,
            MountFlags::RELATIME,
        ),
    ] {
        if has.contains(lacks) {
            flags |= flag;
        }
    }
    rustix::mount::mount_remount(place, flags, c"")
        .map_err(|error| failed("write-protect", place, error))
}

/// Returns the mounts at and below `place`, whose names proc(5) writes with octal escapes.
fn mounted_at(place: &Path) -> io::Result<Vec<PathBuf>> {
    use std::os::unix::ffi::OsStringExt as _;
    let table = fs::read("/proc/self/mountinfo")
        .map_err(|error| doing("read", Path::new("/proc/self/mountinfo"), &error))?;
    let points = table.split(|byte| *byte == b'\n').filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        Some(PathBuf::from(std::ffi::OsString::from_vec(unescape(field))))
    });
    Ok(points.filter(|point| point.starts_with(place)).collect())
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = (first == b'\\')
            .then(|| std::str::from_utf8(after.get(..3)?).ok())
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(octal.unwrap_or(first));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    bytes
}

fn failed(what: &str, path: impl AsRef<Path>, error: rustix::io::Errno) -> io::Error {
    doing(what, path.as_ref(), &error.into())
}

fn doing(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot {what} `{}`: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_of_mounts_as_the_kernel_writes_them() {
        assert_eq!(unescape(br"/mnt/a\040b\134c"), br"/mnt/a b\c");
        assert_eq!(unescape(br"\9x\"), br"\9x\");
    }
}
