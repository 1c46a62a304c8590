//! Sweeping: the directory of a build is removed when nobody needs it any more, however whoever
//! needed it ended.

use std::fs::{self, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Waits until stdin is closed at its other end, which happens to a killed process too, and
/// removes `directory` with all that is in it.
pub(super) fn sweep(directory: &Path) -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new())?;
    remove(directory)
}

/// Removes `top`, which a build wrote to. Directories in it may be locked, and so deep that the
/// kernel takes no path of them: each is moved to the top before it is looked into.
pub(in crate::build) fn remove(top: &Path) -> io::Result<()> {
    let mut moved = 0_u64;
    let mut pending = unlocked(top)?;
    while let Some(directory) = pending.pop() {
        for below in unlocked(&directory)? {
            let place = top.join(format!("swept-{moved}"));
            moved += 1;
            fs::rename(below, &place)?;
            pending.push(place);
        }
        fs::remove_dir(directory)?;
    }
    fs::remove_dir(top)
}

/// Removes what is no directory in `directory`, and returns the directories, which the owner may
/// now read and change.
fn unlocked(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::set_permissions(entry.path(), Permissions::from_mode(0o700))?;
            directories.push(entry.path());
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(directories)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_is_locked_and_what_has_no_path() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("top");
        fs::create_dir_all(top.join("build/a/b")).unwrap();
        fs::write(top.join("build/a/b/file"), "").unwrap();
        std::os::unix::fs::symlink(directory.path(), top.join("build/a/link")).unwrap();
        fs::set_permissions(top.join("build/a"), Permissions::from_mode(0o0)).unwrap();
        // Deeper than any path may be long: built from below.
        let name = "d".repeat(200);
        let chain = directory.path().join("chain");
        fs::create_dir(&chain).unwrap();
        for _ in 0..60 {
            let next = directory.path().join("next");
            fs::create_dir(&next).unwrap();
            fs::rename(&chain, next.join(&name)).unwrap();
            fs::rename(&next, &chain).unwrap();
        }
        fs::rename(&chain, top.join("chain")).unwrap();
        remove(&top).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
