//! Small files, read and replaced as a whole.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::directory::{create_directory, parent_of, sync_directory, sync_parent};
use crate::draft::{Draft, Readers};
use crate::error::{Attempt as _, FileError};

/// Opens a file that anyone may have put there: a pipe or a device is an error, and is not waited
/// for.
pub fn open_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.custom_flags(flags.cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    let what = format!(
        "expected a file, found something else: `{}`",
        path.display()
    );
    Err(std::io::Error::new(ErrorKind::InvalidInput, what))
}

/// Replaces a file's content, readable by its owner only. After a crash the old content or the new
/// one is there. Missing directories above it are created.
pub fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    drafted(path, content)?.put()
}

/// Writes a file unless there is one, and tells whether it did. For names that say what the content
/// is: no process replaces what another one reads.
pub fn write_once(path: &Path, content: &[u8]) -> Result<bool, FileError> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    drafted(path, content)?.put_new()
}

fn drafted(path: &Path, content: &[u8]) -> Result<Draft, FileError> {
    create_directory(parent_of(path))?;
    let mut draft = Draft::begin(path, Readers::Owner)?;
    draft.file().write_all(content).attempt("write", path)?;
    Ok(draft)
}

/// Gives a synced file or directory another name, durably, in place of what has that name.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    create_directory(parent_of(to))?;
    fs::rename(from, to).attempt("rename into place", to)?;
    sync_parent(to)?;
    if parent_of(from) == parent_of(to) {
        return Ok(());
    }
    sync_directory(parent_of(from))
}

/// Removes a file durably, and tells whether there was one.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).attempt("remove", path),
    }
}

/// Reads a whole file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).attempt("read", path),
    }
}

/// Reads a whole JSON file; `None` when there is none.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let parse = |content: Vec<u8>| {
        serde_json::from_slice(&content).map_err(|source| FileError::Damaged {
            path: path.to_owned(),
            source,
        })
    };
    read(path)?.map(parse).transpose()
}

/// Replaces a JSON file as [`write`] does; people may read it.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let content = serde_json::to_vec_pretty(value);
    let mut content = content.map_err(Into::into).attempt("write", path)?;
    content.push(b'\n');
    write(path, &content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use super::*;

    fn names(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert!(!write_once(&path, b"three").unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), std::slice::from_ref(&path));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
        assert!(write_once(&path, b"three").unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"three");
    }

    #[test]
    fn a_link_is_replaced_and_what_it_points_at_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "kept").unwrap();
        let path = folder.path().join("file");
        symlink(&target, &path).unwrap();
        assert!(!write_once(&path, b"new").unwrap());
        write(&path, b"new").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert!(!path.is_symlink());
    }

    #[test]
    fn a_renamed_file_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a/one"), folder.path().join("b/two"));
        write(&from, b"one").unwrap();
        write(&to, b"two").unwrap();
        rename(&from, &to).unwrap();
        assert_eq!(read(&to).unwrap().unwrap(), b"one");
        assert_eq!(read(&from).unwrap(), None);
    }

    #[test]
    fn damaged_json_is_told_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(read_json::<u32>(&path).unwrap(), None);
        write_json(&path, &7).unwrap();
        assert_eq!(read_json::<u32>(&path).unwrap(), Some(7));
        fs::write(&path, "{").unwrap();
        let error = read_json::<u32>(&path).unwrap_err();
        assert!(matches!(error, FileError::Damaged { .. }), "{error}");
        assert_eq!(error.path(), path);
    }
}
