//! Objects by key: bytes under a name, written whole or not at all.
//!
//! Here they are files below one folder. Everything above asks for keys, sizes and streams only,
//! and never sees a file.

use std::fs::{DirEntry, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::io::{AsyncReadExt as _, Take};
use tokio_util::io::ReaderStream;

use bulla_files::{Attempt as _, FileError};

/// Bytes read at once, and held while a client takes them.
const READ_SIZE: usize = 64 * 1024;

/// Some bytes of an object.
pub(crate) type ObjectStream = ReaderStream<Take<tokio::fs::File>>;

/// Objects in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    root: PathBuf,
}

/// An object that is open for reading.
#[derive(Debug)]
pub(crate) struct Object {
    size: u64,
    file: File,
}

impl Objects {
    /// Takes the folder.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Opens an object.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Object>, FileError> {
        let path = self.path(key);
        match bulla_files::open_file(&path) {
            Ok(file) => {
                let size = file.metadata().attempt("read", &path)?.len();
                Ok(Some(Object { size, file }))
            }
            Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads an object of at most `limit` bytes; a larger one counts as absent.
    pub(crate) fn read(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let Some(object) = self.get(key)?.filter(|object| object.size <= limit) else {
            return Ok(None);
        };
        let size = object.size;
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        object
            .file
            .take(size)
            .read_to_end(&mut content)
            .attempt("read", self.path(key))?;
        Ok(Some(content))
    }

    /// Returns an object's size in bytes.
    pub(crate) fn size(&self, key: &str) -> Result<Option<u64>, FileError> {
        let path = self.path(key);
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).attempt("read", &path),
        }
    }

    /// Writes an object unless there is one: for keys that say what the content is.
    pub(crate) fn put_new(&self, key: &str, content: &[u8]) -> Result<(), FileError> {
        bulla_files::write_once(&self.path(key), content).map(drop)
    }

    /// Makes a synced file an object, in place of the one that may be there. The file is gone
    /// afterwards.
    pub(crate) fn adopt(&self, key: &str, file: &Path) -> Result<(), FileError> {
        bulla_files::rename(file, &self.path(key))
    }

    /// Gives an object another key.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        bulla_files::rename(&self.path(from), &self.path(to))
    }

    /// Writes an object, in place of the one that may be there.
    pub(crate) fn replace(&self, key: &str, content: &[u8]) -> Result<(), FileError> {
        bulla_files::write(&self.path(key), content)
    }

    /// Tells whether any key begins with `folder`, which ends in `/`.
    pub(crate) fn has_any(&self, folder: &str) -> Result<bool, FileError> {
        let path = self.path(folder);
        match std::fs::read_dir(&path) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).attempt("read", &path),
        }
    }

    /// Calls `visit` with every key that begins with `folder`, which ends in `/`. Names that are
    /// not UTF-8 are no keys of ours and are passed over.
    pub(crate) fn list<E: From<FileError>>(
        &self,
        folder: &str,
        visit: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(&self.path(folder), &mut |entry| {
            let path = entry.path();
            match path.strip_prefix(&self.root).ok().and_then(Path::to_str) {
                Some(key) => visit(key),
                None => Ok(()),
            }
        })
    }

    /// Removes what writes that a crash cut short have left and what was last changed before
    /// `start`.
    pub(crate) fn sweep(&self, start: SystemTime) -> Result<(), FileError> {
        walk(&self.root, &mut |entry| {
            let path = entry.path();
            if !bulla_files::is_temporary(&entry.file_name()) {
                return Ok(());
            }
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            if changed.is_ok_and(|changed| changed < start) {
                bulla_files::remove(&path)?;
                tracing::info!(path = %path.display(), "removed what a crash had left");
            }
            Ok(())
        })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }
}

impl Object {
    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads `length` bytes from `first` on as a stream.
    pub(crate) fn stream(mut self, first: u64, length: u64) -> io::Result<ObjectStream> {
        self.file.seek(SeekFrom::Start(first))?;
        let reader = tokio::fs::File::from_std(self.file).take(length);
        Ok(ReaderStream::with_capacity(reader, READ_SIZE))
    }
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for Object {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn walk<E: From<FileError>>(
    directory: &Path,
    visit: &mut dyn FnMut(&DirEntry) -> Result<(), E>,
) -> Result<(), E> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(FileError::new("read", directory, error).into()),
    };
    for entry in entries {
        let entry = entry.attempt("read", directory)?;
        let kind = entry.file_type().attempt("read", entry.path())?;
        if kind.is_dir() {
            walk(&entry.path(), visit)?;
        } else if kind.is_file() {
            visit(&entry)?;
        }
    }
    Ok(())
}
