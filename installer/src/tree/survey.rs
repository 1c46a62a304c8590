//! Looks whether a tree can be removed, before anything of it is: what cannot go as a whole stays
//! as a whole.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{Access, AtFlags, FileType, accessat};

use super::obstacle::Obstacle;
use crate::platform::directory::{entries, open_below, open_top};
use crate::platform::files::Attempt as _;
use crate::platform::seen::{Seen, look, look_at};

/// Finds what would keep a tree from being removed. Changes nothing, and enters no mount.
pub(crate) fn survey(tree: &Path) -> Result<(), Obstacle> {
    let metadata = fs::symlink_metadata(tree).attempt("look at", tree)?;
    if !metadata.is_dir() {
        return Ok(());
    }
    let is_root = rustix::process::geteuid().is_root();
    let top = open_top(tree).attempt("open", tree)?;
    let seen = look_at(&top).attempt("look at", tree)?;
    check(&seen, tree)?;
    let mut levels = vec![Level::read(top, &seen, tree, is_root)?];
    let mut path = tree.to_owned();
    while let Some(level) = levels.last_mut() {
        let Some((name, seen)) = level.directories.pop() else {
            levels.pop();
            path.pop();
            continue;
        };
        path.push(OsStr::from_bytes(name.as_bytes()));
        let below = open_below(&level.handle, &name).attempt("open", &path)?;
        levels.push(Level::read(below, &seen, &path, is_root)?);
    }
    Ok(())
}

/// A directory, and those in it that were not looked through yet.
struct Level {
    handle: OwnedFd,
    directories: Vec<(CString, Seen)>,
}

impl Level {
    fn read(handle: OwnedFd, seen: &Seen, path: &Path, is_root: bool) -> Result<Self, Obstacle> {
        let mut directories = Vec::new();
        let mut is_empty = true;
        for entry in entries(&handle).attempt("list", path)? {
            let entry = entry.attempt("list", path)?;
            let name = entry.file_name();
            is_empty = false;
            let below = || path.join(OsStr::from_bytes(name.to_bytes()));
            let seen = look(&handle, name).attempt("look at", below())?;
            check(&seen, &below())?;
            if seen.kind == FileType::Directory {
                directories.push((name.to_owned(), seen));
            }
        }
        if !is_root && !is_empty && !may_empty(&handle, seen) {
            return Err(Obstacle::ForeignOwner {
                path: path.to_owned(),
                owner: seen.owner,
            });
        }
        Ok(Self {
            handle,
            directories,
        })
    }
}

fn check(seen: &Seen, path: &Path) -> Result<(), Obstacle> {
    let path = || path.to_owned();
    if seen.is_mounted {
        return Err(Obstacle::Mounted {
            name: "something".to_owned(),
            path: path(),
            process: None,
        });
    }
    if seen.is_immutable {
        return Err(Obstacle::Immutable { path: path() });
    }
    Ok(())
}

/// The owner of a directory can give itself the permission.
fn may_empty(directory: &OwnedFd, seen: &Seen) -> bool {
    seen.owner == rustix::process::geteuid().as_raw()
        || accessat(
            directory,
            c".",
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::EACCESS,
        )
        .is_ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::platform::mounts::tests::BindMount;

    fn tree(folder: &Path) -> std::path::PathBuf {
        let tree = folder.join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/file"), "content").unwrap();
        std::os::unix::fs::symlink("nowhere", tree.join("link")).unwrap();
        tree
    }

    #[test]
    fn a_tree_that_can_be_removed_has_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        survey(&tree(folder.path())).unwrap();
    }

    #[test]
    fn a_mounted_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        let data = folder.path().join("data");
        fs::write(&data, "data").unwrap();
        let file = tree.join("a/b/file");
        let Some(_mount) = BindMount::new(&data, &file) else {
            return;
        };
        assert!(matches!(
            survey(&tree),
            Err(Obstacle::Mounted { path, .. }) if path == file
        ));
    }

    #[test]
    fn an_immutable_file_and_an_append_only_directory_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        for (path, flag) in [("a/b/file", "i"), ("a", "a")] {
            let path = tree.join(path);
            let change = |sign: &str| {
                Command::new("chattr")
                    .arg(format!("{sign}{flag}"))
                    .arg(&path)
                    .stderr(std::process::Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success())
            };
            if !change("+") {
                eprintln!("skip: no file flag is set, because this is not root or has no chattr");
                return;
            }
            let found = survey(&tree);
            assert!(change("-"));
            assert!(
                matches!(&found, Err(Obstacle::Immutable { path: found }) if *found == path),
                "{found:?}"
            );
        }
    }
}
