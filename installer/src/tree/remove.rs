//! Removes trees, which have no write bits, without ever following a link.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fchmod, fstat, openat, unlinkat};
use rustix::io::Errno;

use crate::platform::files::{FileError, OnPath as _};

/// Removes a tree, and is content when there is none. Needs no free space.
pub(crate) fn remove_tree(path: &Path) -> Result<(), FileError> {
    remove_at(path).on("remove", path)
}

/// Gives the top of a tree its write bit: without it, only root can rename a directory into
/// another one.
pub(crate) fn make_movable(tree: &Path) -> Result<(), FileError> {
    change_mode(tree, |mode| mode | Mode::RWXU)
}

/// Sets the mode of a directory, not following a link.
pub(crate) fn change_mode(path: &Path, change: impl Fn(Mode) -> Mode) -> Result<(), FileError> {
    let change = || -> io::Result<()> {
        let directory = open(CWD, path)?;
        let mode = Mode::from_raw_mode(fstat(&directory)?.st_mode);
        let changed = change(mode);
        if changed != mode {
            fchmod(&directory, changed)?;
        }
        Ok(())
    };
    change().on("set the mode of", path)
}

fn remove_at(path: &Path) -> io::Result<()> {
    let directory = match open(CWD, path) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(()),
        // A file or a link: the name goes, what it points to stays.
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(unlinkat(CWD, path, AtFlags::empty())?),
        Err(error) => return Err(error.into()),
    };
    empty(directory)?;
    Ok(unlinkat(CWD, path, AtFlags::REMOVEDIR)?)
}

/// Removes everything in a directory, depth first, with one handle per level and no recursion.
fn empty(directory: OwnedFd) -> io::Result<()> {
    let mut levels = vec![Level::read(directory)?];
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.directories.last() {
            let below = open(&level.handle, name)?;
            levels.push(Level::read(below)?);
            continue;
        }
        levels.pop();
        if let Some(above) = levels.last_mut()
            && let Some(name) = above.directories.pop()
        {
            unlinkat(&above.handle, &name, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

/// A directory whose files are gone, and the directories that it still holds.
struct Level {
    handle: OwnedFd,
    directories: Vec<CString>,
}

impl Level {
    fn read(handle: OwnedFd) -> io::Result<Self> {
        let mode = Mode::from_raw_mode(fstat(&handle)?.st_mode);
        if !mode.contains(Mode::RWXU) {
            fchmod(&handle, mode | Mode::RWXU)?;
        }
        let mut directories = Vec::new();
        for entry in Dir::read_from(&handle)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            if is_directory(&handle, name, entry.file_type())? {
                directories.push(name.to_owned());
            } else {
                unlinkat(&handle, name, AtFlags::empty())?;
            }
        }
        Ok(Self {
            handle,
            directories,
        })
    }
}

fn is_directory(above: &OwnedFd, name: &CStr, kind: FileType) -> io::Result<bool> {
    if kind != FileType::Unknown {
        return Ok(kind == FileType::Directory);
    }
    let stat = rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

fn open(above: impl std::os::fd::AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(above, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn removes_a_tree_without_write_bits_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        let outside = folder.path().join("outside");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("kept"), "kept").unwrap();
        fs::write(tree.join("a/b/file"), "gone").unwrap();
        symlink("../../outside", tree.join("a/link")).unwrap();
        symlink("nowhere", tree.join("dangling")).unwrap();
        for directory in ["a/b", "a", ""] {
            let mode = fs::Permissions::from_mode(0o555);
            fs::set_permissions(tree.join(directory), mode).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(outside.join("kept").exists());
        remove_tree(&tree).unwrap();
        symlink("outside", &tree).unwrap();
        remove_tree(&tree).unwrap();
        assert!(outside.join("kept").exists());
        assert!(tree.symlink_metadata().is_err());
    }

    #[test]
    fn removes_a_deep_tree_with_few_handles() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("d/".repeat(200))).unwrap();
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
