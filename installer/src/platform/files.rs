//! Small files that survive power loss: temporary name, fsync, rename, fsync of the directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bulla_schemas::outcome::FailureKind;

/// The operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} `{}`", path.display())]
pub struct FileError {
    /// What was tried.
    pub operation: &'static str,
    /// On which path.
    pub path: PathBuf,
    /// The reason.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Returns the exit status' kind.
    pub const fn kind(&self) -> FailureKind {
        FailureKind::Failed
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self.source.kind() {
            ErrorKind::StorageFull => "make room and run the same command again",
            ErrorKind::PermissionDenied => {
                "run it as the user who owns the root and the state directory, usually root"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Says on which path something was tried.
pub(crate) trait OnPath<T> {
    fn on(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, FileError>;
}

impl<T> OnPath<T> for io::Result<T> {
    fn on(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, FileError> {
        self.map_err(|source| FileError {
            operation,
            path: path.as_ref().to_owned(),
            source,
        })
    }
}

/// Creates a directory that only its owner can read, and those above it.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .on("create the directory", path)
}

/// Replaces a file's content; after a crash the old or the new one is there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = path.with_added_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .on("create", &temporary)?;
    file.write_all(bytes).on("write", &temporary)?;
    file.sync_all().on("make durable", &temporary)?;
    fs::rename(&temporary, path).on("rename into place", path)?;
    sync_parent(path)
}

/// Reads a file that may not be there.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).on("read", path),
    }
}

/// Removes a file that may not be there, durably.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).on("remove", path),
    }
}

/// Makes a directory's names durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .on("make durable", path)
}

/// Makes the name of a file durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), FileError> {
    match path.parent() {
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}
