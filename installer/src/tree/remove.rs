//! Removes trees, which have no write bits, without ever following a link or entering a mount.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, fchmod, fstat, unlinkat};

use crate::platform::directory::{entries, open_below, open_top};
use crate::platform::files::{Attempt as _, FileError};

/// Removes a tree, and is content when there is none. Needs no free space. Ends at the first path
/// that cannot be removed, which the error names.
pub(crate) fn remove_tree(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).attempt("remove", path),
        Ok(metadata) if metadata.is_dir() => empty(open_top(path).attempt("remove", path)?, path)?,
        // The name goes; what a link points to stays.
        Ok(_) => return fs::remove_file(path).attempt("remove", path),
    }
    unlinkat(CWD, path, AtFlags::REMOVEDIR)
        .map_err(io::Error::from)
        .attempt("remove", path)
}

/// Gives the top of a tree its write bit: without it, only root can rename a directory into
/// another one. A link or a file in the place of a tree can be renamed as it is.
pub(crate) fn make_movable(tree: &Path) -> Result<(), FileError> {
    if !fs::symlink_metadata(tree)
        .attempt("look at", tree)?
        .is_dir()
    {
        return Ok(());
    }
    change_mode(tree, |mode| mode | Mode::RWXU)
}

/// Sets the mode of a directory, not following a link.
pub(crate) fn change_mode(path: &Path, change: impl Fn(Mode) -> Mode) -> Result<(), FileError> {
    change_mode_at(path, change).attempt("set the mode of", path)
}

fn change_mode_at(path: &Path, change: impl Fn(Mode) -> Mode) -> io::Result<()> {
    let directory = open_top(path)?;
    let mode = Mode::from_raw_mode(fstat(&directory)?.st_mode);
    let changed = change(mode);
    if changed != mode {
        fchmod(&directory, changed)?;
    }
    Ok(())
}

/// Removes everything in a directory, depth first, with one handle per level and no recursion.
fn empty(directory: OwnedFd, path: &Path) -> Result<(), FileError> {
    let mut levels = vec![Level::read(directory, path)?];
    let mut path = path.to_owned();
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.directories.last() {
            path.push(OsStr::from_bytes(name.as_bytes()));
            let below = open_below(&level.handle, name).attempt("remove", &path)?;
            levels.push(Level::read(below, &path)?);
            continue;
        }
        levels.pop();
        if let Some(above) = levels.last_mut()
            && let Some(name) = above.directories.pop()
        {
            unlinkat(&above.handle, &name, AtFlags::REMOVEDIR)
                .map_err(io::Error::from)
                .attempt("remove", &path)?;
            path.pop();
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
    fn read(handle: OwnedFd, path: &Path) -> Result<Self, FileError> {
        open_up(&handle).attempt("set the mode of", path)?;
        let mut directories = Vec::new();
        for entry in entries(&handle).attempt("list", path)? {
            let entry = entry.attempt("list", path)?;
            let name = entry.file_name();
            let removed = match is_directory(&handle, name, entry.file_type()) {
                Ok(true) => {
                    directories.push(name.to_owned());
                    Ok(())
                }
                Ok(false) => unlinkat(&handle, name, AtFlags::empty()).map_err(Into::into),
                Err(error) => Err(error),
            };
            removed.attempt("remove", path.join(OsStr::from_bytes(name.to_bytes())))?;
        }
        Ok(Self {
            handle,
            directories,
        })
    }
}

fn open_up(directory: &OwnedFd) -> io::Result<()> {
    let mode = Mode::from_raw_mode(fstat(directory)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        fchmod(directory, mode | Mode::RWXU)?;
    }
    Ok(())
}

fn is_directory(above: &OwnedFd, name: &CStr, kind: FileType) -> io::Result<bool> {
    if kind != FileType::Unknown {
        return Ok(kind == FileType::Directory);
    }
    let stat = rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::platform::mounts::tests::BindMount;

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

    #[test]
    fn stops_before_what_is_mounted_in_a_tree() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        let data = folder.path().join("data");
        fs::create_dir_all(tree.join("a/uploads")).unwrap();
        fs::create_dir_all(data.join("deep")).unwrap();
        fs::write(data.join("deep/kept"), "kept").unwrap();
        for (what, point) in [
            (data.clone(), "a/uploads"),
            (data.join("deep/kept"), "a/file"),
        ] {
            let point = tree.join(point);
            if what.is_file() {
                fs::write(&point, "covered").unwrap();
            }
            let Some(mount) = BindMount::new(&what, &point) else {
                return;
            };
            let error = remove_tree(&tree).unwrap_err();
            assert_eq!(error.path(), point, "{error}");
            assert_eq!(fs::read(data.join("deep/kept")).unwrap(), b"kept");
            drop(mount);
        }
        remove_tree(&tree).unwrap();
        assert_eq!(fs::read(data.join("deep/kept")).unwrap(), b"kept");
    }

    #[test]
    fn a_tree_that_is_covered_by_a_mount_is_not_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let [tree, data] = ["tree", "data"].map(|name| folder.path().join(name));
        for directory in [&tree, &data] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(data.join("kept"), "kept").unwrap();
        let Some(_mount) = BindMount::new(&data, &tree) else {
            return;
        };
        assert!(remove_tree(&tree).is_err());
        assert!(data.join("kept").exists());
    }
}
