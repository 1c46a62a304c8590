//! Writes that survive a power failure: a temporary name in the same directory, sync, rename,
//! sync of the directory. A reader sees the old file or the new one, never a part.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A file operation that failed, with its path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} `{}`", path.display())]
pub struct FileError {
    operation: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    /// Says what was attempted.
    pub(crate) fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    /// Tells whether the disk or the quota is full.
    pub fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }

    /// Tells whether the operating system denies it.
    pub fn is_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }
}

/// Adds what was attempted to an [`io::Error`].
pub(crate) trait Attempt<T> {
    fn attempt(self, operation: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, operation: &'static str, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError::new(operation, path, source))
    }
}

/// Makes a directory and the missing ones above it, each durable in its parent.
pub(crate) fn ensure_directory(path: &Path) -> Result<(), FileError> {
    ensure(path, 0o777)
}

/// Makes a directory that only its owner may enter. One that is there keeps its mode.
pub(crate) fn ensure_private_directory(path: &Path) -> Result<(), FileError> {
    ensure(path, 0o700)
}

/// `mode` is narrowed by the umask.
fn ensure(path: &Path, mode: u32) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent_of(path);
    ensure_directory(parent)?;
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => sync_directory(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).attempt("create directory", path),
    }
}

/// Writes a file as a whole, replacing what was there.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let parent = parent_of(path);
    ensure_directory(parent)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(parent)
        .attempt("create a file in", parent)?;
    temporary
        .write_all(content)
        .and_then(|()| temporary.as_file().sync_all())
        .attempt("write", temporary.path())?;
    temporary
        .persist(path)
        .map_err(|error| error.error)
        .attempt("rename a file to", path)?;
    sync_directory(parent)
}

/// Writes a file unless it is there already. For names that say what the content is.
pub(crate) fn write_once(path: &Path, content: &[u8]) -> Result<(), FileError> {
    if path.exists() {
        Ok(())
    } else {
        write(path, content)
    }
}

/// Gives a synced file its final name.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    let parent = parent_of(to);
    ensure_directory(parent)?;
    fs::rename(from, to).attempt("rename a file to", to)?;
    sync_directory(parent)
}

/// Reads a whole file, or nothing when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).attempt("read", path),
    }
}

fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .attempt("sync directory", path)
}

fn parent_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_no_temporary_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/file");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        write_once(&path, b"three").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1);
    }
}
