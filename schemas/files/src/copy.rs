//! Files that are taken from elsewhere as they are: as another name of the same file, or as a copy.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, linkat};

use crate::directory::{create_directory, parent_of};
use crate::draft::{Draft, PREFIX, Readers};
use crate::error::{Attempt as _, FileError};
use crate::file::open_file;

/// How a file was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// As another name of the same file: for files that never change.
    Linked,
    /// As a copy.
    Copied,
}

/// Gives a file that never changes another name, in place of what has that name; where its file
/// system does not let that happen, or the two lie on different ones, copies it. It is durable once
/// its file system is synced.
pub fn link_later(from: &Path, to: &Path) -> Result<Taken, FileError> {
    create_directory(parent_of(to))?;
    match link(from, to) {
        Ok(()) => Ok(Taken::Linked),
        // Whatever is the matter, a copy shows it or does without.
        Err(_) => copy_later(from, to).map(|()| Taken::Copied),
    }
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    match hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        linked => return linked,
    }
    // A link replaces nothing, and a rename between two names of one file does nothing.
    if is_same_file(from, to)? {
        return Ok(());
    }
    tempfile::Builder::new()
        .prefix(PREFIX)
        .make_in(parent_of(to), |name| hard_link(from, name))?
        .into_temp_path()
        .persist(to)?;
    Ok(())
}

/// Gives the file another name that a path leads to, also where the path is a symbolic link.
fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    Ok(linkat(CWD, from, CWD, to, AtFlags::SYMLINK_FOLLOW)?)
}

/// Copies a file with the time of its last change, in place of what has the name. Where the file
/// system can, both share their blocks. It is durable once its file system is synced.
pub fn copy_later(from: &Path, to: &Path) -> Result<(), FileError> {
    create_directory(parent_of(to))?;
    let mut source = open_file(from)?;
    let changed = source.metadata().and_then(|found| found.modified());
    let mut draft = Draft::begin_over(to, Readers::Owner)?;
    io::copy(&mut source, draft.file()).attempt("copy", from)?;
    let file = draft.file();
    changed
        .and_then(|changed| file.set_modified(changed))
        .attempt("copy", from)?;
    draft.put_later()
}

/// Tells whether two names are names of one file.
pub fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let place = |path: &Path| path.metadata().map(|found| (found.dev(), found.ino()));
    Ok(place(one)? == place(other)?)
}

/// Tells whether two paths lie on the same file system.
pub fn is_same_file_system(one: &Path, other: &Path) -> Result<bool, FileError> {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| {
        let metadata = fs::metadata(path).attempt("look at", path)?;
        Ok::<u64, FileError>(metadata.dev())
    };
    Ok(device(one)? == device(other)?)
}

/// Makes everything on the file system that holds `path` durable, in one go: a file-by-file fsync
/// of 20,000 files takes a hundred times as long.
pub fn sync_file_system(path: &Path) -> Result<(), FileError> {
    let directory = File::open(path).attempt("open", path)?;
    rustix::fs::syncfs(&directory)
        .map_err(io::Error::from)
        .attempt("make durable", path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_link_replaces_what_is_there_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("a/to"));
        fs::write(&from, "new").unwrap();
        for before in [None, Some("old"), Some("the same file")] {
            match before {
                Some("old") => {
                    fs::remove_file(&to).unwrap();
                    fs::write(&to, "old").unwrap();
                }
                _ => assert_eq!(to.exists(), before.is_some()),
            }
            assert_eq!(link_later(&from, &to).unwrap(), Taken::Linked);
            assert!(is_same_file(&from, &to).unwrap());
            assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 1);
        }
    }

    #[test]
    fn behind_a_link_it_is_the_file_that_gets_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let [elsewhere, from, to] =
            ["elsewhere", "from", "to"].map(|name| folder.path().join(name));
        fs::write(&elsewhere, "new").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &from).unwrap();
        assert_eq!(link_later(&from, &to).unwrap(), Taken::Linked);
        fs::remove_file(&elsewhere).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
    }

    #[test]
    fn a_copy_is_as_old_as_the_file_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
        File::options()
            .write(true)
            .open(&from)
            .unwrap()
            .set_modified(changed)
            .unwrap();
        copy_later(&from, &to).unwrap();
        sync_file_system(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        let found = to.metadata().unwrap();
        assert_eq!(found.modified().unwrap(), changed);
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
        assert!(!is_same_file(&from, &to).unwrap());
    }

    #[test]
    fn what_is_not_there_is_an_error_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("to");
        fs::write(&to, "old").unwrap();
        let error = link_later(&folder.path().join("from"), &to).unwrap_err();
        assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
        assert_eq!(fs::read_to_string(&to).unwrap(), "old");
    }
}
