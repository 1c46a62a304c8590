//! Small files that survive power loss: temporary name, fsync, rename, fsync of the directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, OnPath as _};

/// Creates a directory that only its owner can read, and those above it.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .on("create the directory", path)
}

/// Replaces a file's content; after a crash the old or the new one is there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
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
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).on("read", path),
    }
}

/// Reads a small JSON file that may not be there.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    read(path)?
        .map(|bytes| {
            serde_json::from_slice(&bytes).map_err(|source| Error::Damaged {
                path: path.to_owned(),
                line: 1,
                source,
            })
        })
        .transpose()
}

/// Replaces a small JSON file as [`write`] does.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    write(path, &serde_json::to_vec(value).map_err(Error::unwritable)?)
}

/// Removes a file that may not be there, durably.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).on("remove", path),
    }
}

/// Makes a directory's names durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .on("make durable", path)
}

/// Makes everything on the file system that holds `path` durable, in one go: a file-by-file fsync
/// of 20,000 files takes a hundred times as long.
pub(crate) fn sync_file_system(path: &Path) -> Result<(), Error> {
    let directory = File::open(path).on("open", path)?;
    rustix::fs::syncfs(&directory)
        .map_err(io::Error::from)
        .on("make durable", path)
}

/// Tells whether two paths lie on the same file system.
pub(crate) fn is_same_file_system(one: &Path, other: &Path) -> Result<bool, Error> {
    let device = |path: &Path| {
        let metadata = fs::metadata(path).on("look at", path)?;
        Ok::<u64, Error>(metadata.dev())
    };
    Ok(device(one)? == device(other)?)
}

fn sync_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}
