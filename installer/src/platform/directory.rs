//! Opens directories by one name after the other, never through a symbolic link and never across a
//! mount: what is mounted below a tree belongs to other people, whatever the tree is for. Lists
//! what is in an open directory.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Dir, DirEntry, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use rustix::path::Arg;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens a directory by its path. Links above it are followed; what has its name must be the
/// directory itself, with nothing mounted on it.
pub(crate) fn open_top(path: &Path) -> io::Result<OwnedFd> {
    match (path.parent(), path.file_name()) {
        (Some(above), Some(name)) => {
            let above = if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            };
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            open_below(openat(CWD, above, flags, Mode::empty())?, name)
        }
        _ => Ok(openat(CWD, path, DIRECTORY, Mode::empty())?),
    }
}

/// Opens a directory in another one. What is mounted on it is not entered: that is
/// [`ErrorKind::CrossesDevices`].
pub(crate) fn open_below(above: impl AsFd, name: impl Arg + Copy) -> io::Result<OwnedFd> {
    open(above, name, DIRECTORY)
}

/// Lists what is in a directory, without `.` and `..`, in the order of the file system.
pub(crate) fn entries(
    directory: impl AsFd,
) -> io::Result<impl Iterator<Item = io::Result<DirEntry>>> {
    let is_inside = |entry: &Result<DirEntry, Errno>| {
        !entry
            .as_ref()
            .is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b".."))
    };
    let entries = Dir::read_from(directory)?.filter(is_inside);
    Ok(entries.map(|entry| Ok(entry?)))
}

/// Tells whether something is mounted on a directory or a file.
pub(crate) fn is_mounted_on(above: impl AsFd, name: impl Arg + Copy) -> bool {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    matches!(
        open(above, name, flags),
        Err(error) if error.kind() == ErrorKind::CrossesDevices
    )
}

fn open(above: impl AsFd, name: impl Arg + Copy, flags: OFlags) -> io::Result<OwnedFd> {
    let above = above.as_fd();
    match openat2(above, name, flags, Mode::empty(), ResolveFlags::NO_XDEV) {
        Ok(opened) => Ok(opened),
        Err(Errno::XDEV) => Err(mounted()),
        // Linux before 5.6, or a filter that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_compared(above, name, flags),
        Err(error) => Err(error.into()),
    }
}

/// Opens a name, and then looks whether that lies on the mount of the directory above.
fn open_compared(above: impl AsFd, name: impl Arg, flags: OFlags) -> io::Result<OwnedFd> {
    let above = above.as_fd();
    let opened = openat(above, name, flags, Mode::empty())?;
    if mount_id(&opened)? == mount_id(above)? {
        Ok(opened)
    } else {
        Err(mounted())
    }
}

fn mount_id(directory: impl AsFd) -> io::Result<u64> {
    let descriptor = directory.as_fd().as_raw_fd();
    fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}"))?
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
        .ok_or_else(|| ErrorKind::Unsupported.into())
}

fn mounted() -> io::Error {
    io::Error::new(ErrorKind::CrossesDevices, "something is mounted on it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::mounts::tests::BindMount;

    #[test]
    fn what_is_mounted_on_a_directory_is_not_entered() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let tree = folder.path().join("tree");
        fs::create_dir_all(data.join("inner")).unwrap();
        fs::create_dir_all(tree.join("plain")).unwrap();
        fs::create_dir(tree.join("mounted")).unwrap();
        let Some(_mount) = BindMount::new(&data, &tree.join("mounted")) else {
            return;
        };
        let top = open_top(&tree).unwrap();
        let is_mounted = |result: io::Result<OwnedFd>| matches!(result, Err(error) if error.kind() == ErrorKind::CrossesDevices);
        assert!(open_below(&top, "plain").is_ok());
        assert!(open_compared(&top, "plain", DIRECTORY).is_ok());
        assert!(is_mounted(open_below(&top, "mounted")));
        assert!(is_mounted(open_compared(&top, "mounted", DIRECTORY)));
        assert!(is_mounted_on(&top, "mounted") && !is_mounted_on(&top, "plain"));
        assert!(is_mounted(open_top(&tree.join("mounted"))));
        assert!(open_top(&tree.join("mounted/inner")).is_ok());
    }

    #[test]
    fn a_directory_lists_hidden_names_and_neither_itself_nor_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["...", ".hidden", "plain"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = entries(open_top(folder.path()).unwrap()).unwrap();
        let mut names: Vec<_> = found
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, [c"...", c".hidden", c"plain"].map(ToOwned::to_owned));
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
        let top = open_top(folder.path()).unwrap();
        assert!(open_below(&top, "link").is_err());
        assert!(open_compared(&top, "link", DIRECTORY).is_err());
        assert!(open_top(&folder.path().join("link")).is_err());
    }
}
