//! Objects by key: bytes under a name, written whole or not at all.
//!
//! They are files below one folder ([`files`]). Everything above asks for keys, sizes and streams
//! only, and never sees a file: the tests of the rooms above run over [`memory`] too.

mod ahead;
mod files;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod stamp;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bulla_files::{Attempt as _, FileError, Taken};
use bytes::Bytes;
use futures_util::stream::BoxStream;
#[cfg(any(test, feature = "testing"))]
use futures_util::stream::StreamExt as _;

pub(crate) use self::files::Copying;
use self::files::Files;
#[cfg(any(test, feature = "testing"))]
use self::memory::Memory;
pub(crate) use self::stamp::Stamp;

/// How much of an object in memory comes at once.
#[cfg(any(test, feature = "testing"))]
const PIECE: usize = 64 * 1024;

/// Some bytes of an object.
pub(crate) type ObjectStream = BoxStream<'static, io::Result<Bytes>>;

/// Objects in one place.
#[derive(Debug, Clone)]
pub(crate) struct Objects(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Files(Files),
    #[cfg(any(test, feature = "testing"))]
    Memory(Memory),
}

/// An object that is open for reading.
#[derive(Debug)]
pub(crate) struct Object {
    size: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(File),
    #[cfg(any(test, feature = "testing"))]
    Memory(io::Cursor<Bytes>),
}

/// Calls a method of the kind of objects that these are.
macro_rules! with {
    ($objects:expr, $kind:ident => $call:expr) => {
        match &$objects.0 {
            Kind::Files($kind) => $call,
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory($kind) => $call,
        }
    };
}

impl Objects {
    /// Keeps objects as files below `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self(Kind::Files(Files::new(root)))
    }

    /// Keeps objects in memory.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn in_memory() -> Self {
        Self(Kind::Memory(Memory::default()))
    }

    #[cfg(test)]
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.0, Kind::Memory(_))
    }

    /// Opens an object.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Object>, FileError> {
        Ok(match &self.0 {
            Kind::Files(files) => files.get(key)?.map(|(size, file)| Object {
                size,
                content: Content::File(file),
            }),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(memory) => memory.get(key).map(|bytes| Object {
                size: bytes.len() as u64,
                content: Content::Memory(io::Cursor::new(bytes)),
            }),
        })
    }

    /// Reads an object of at most `limit` bytes; a larger one counts as absent.
    pub(crate) fn read(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let Some(object) = self.get(key)?.filter(|object| object.size <= limit) else {
            return Ok(None);
        };
        let size = object.size;
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        object
            .take(size)
            .read_to_end(&mut content)
            .attempt("read", key)?;
        Ok(Some(content))
    }

    /// Returns an object's size in bytes.
    pub(crate) fn size(&self, key: &str) -> Result<Option<u64>, FileError> {
        with!(self, objects => objects.size(key))
    }

    /// Returns when an object was written last, where that is known.
    pub(crate) fn changed(&self, key: &str) -> Result<Option<SystemTime>, FileError> {
        match &self.0 {
            Kind::Files(files) => files.changed(key),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(_) => Ok(None),
        }
    }

    /// Returns the stamp of an object, where it has one that can be relied upon.
    pub(crate) fn stamp(&self, key: &str) -> Option<Stamp> {
        match &self.0 {
            Kind::Files(files) => files.stamp(key),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(_) => None,
        }
    }

    /// Makes a synced file an object, in place of the one that may be there. The file is gone
    /// afterwards.
    pub(crate) fn adopt(&self, key: &str, file: &Path) -> Result<(), FileError> {
        with!(self, objects => objects.adopt(key, file))
    }

    /// Gives an object another key.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        with!(self, objects => objects.rename(from, to))
    }

    /// Removes an object, and tells whether there was one.
    pub(crate) fn remove(&self, key: &str) -> Result<bool, FileError> {
        with!(self, objects => objects.remove(key))
    }

    /// Writes an object, in place of the one that may be there.
    pub(crate) fn replace(&self, key: &str, content: &[u8]) -> Result<(), FileError> {
        with!(self, objects => objects.replace(key, content))
    }

    /// Writes an object as [`replace`](Self::replace) does; it is durable after [`sync`](Self::sync).
    pub(crate) fn replace_later(&self, key: &str, content: &[u8]) -> Result<(), FileError> {
        match &self.0 {
            Kind::Files(files) => files.replace_later(key, content),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(memory) => memory.replace(key, content),
        }
    }

    /// Removes an object as [`remove`](Self::remove) does; it is gone for good after
    /// [`sync`](Self::sync).
    pub(crate) fn remove_later(&self, key: &str) -> Result<(), FileError> {
        match &self.0 {
            Kind::Files(files) => files.remove_later(key),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(memory) => memory.remove(key).map(drop),
        }
    }

    /// Takes an object of other objects that never changes, in place of the one that may be here,
    /// and returns how; nothing when there is none. It is durable after [`sync`](Self::sync).
    pub(crate) fn take_later(
        &self,
        key: &str,
        from: &Self,
        copying: Copying,
    ) -> Result<Option<Taken>, FileError> {
        match (&self.0, &from.0) {
            (Kind::Files(files), Kind::Files(from)) => files.take_later(key, from, copying),
            #[cfg(any(test, feature = "testing"))]
            _ => {
                let Some(content) = from.read(key, u64::MAX)? else {
                    return Ok(None);
                };
                self.replace(key, &content)?;
                Ok(Some(Taken::Copied))
            }
        }
    }

    /// Tells whether an object is here as it is among other objects, as far as can be told without
    /// reading it.
    pub(crate) fn is_as_in(&self, key: &str, from: &Self) -> Result<bool, FileError> {
        match (&self.0, &from.0) {
            (Kind::Files(files), Kind::Files(from)) => files.is_as_in(key, from),
            #[cfg(any(test, feature = "testing"))]
            _ => Ok(self.read(key, u64::MAX)? == from.read(key, u64::MAX)?),
        }
    }

    /// Makes all that was written or removed durable.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        match &self.0 {
            Kind::Files(files) => files.sync(),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(_) => Ok(()),
        }
    }

    /// Tells whether any key begins with `folder`, which ends in `/`.
    pub(crate) fn has_any(&self, folder: &str) -> Result<bool, FileError> {
        with!(self, objects => objects.has_any(folder))
    }

    /// Tells whether objects have ever lain in folders below `folder`, which ends in `/`. In memory there are
    /// none.
    pub(crate) fn has_folder(&self, folder: &str) -> Result<bool, FileError> {
        match &self.0 {
            Kind::Files(files) => files.has_folder(folder),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(memory) => memory.has_any(folder),
        }
    }

    /// Calls `visit` with every key that begins with `folder`, which ends in `/`.
    pub(crate) fn list<E: From<FileError>>(
        &self,
        folder: &str,
        visit: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        with!(self, objects => objects.list(folder, visit))
    }

    /// Removes what writes that a crash cut short have left and what was last changed before
    /// `start`.
    pub(crate) fn sweep(&self, start: SystemTime) -> Result<(), FileError> {
        match &self.0 {
            Kind::Files(files) => files.sweep(start),
            #[cfg(any(test, feature = "testing"))]
            Kind::Memory(_) => Ok(()),
        }
    }
}

impl Object {
    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads `length` bytes from `first` on as a stream.
    pub(crate) fn stream(mut self, first: u64, length: u64) -> io::Result<ObjectStream> {
        self.seek(SeekFrom::Start(first))?;
        Ok(match self.content {
            Content::File(file) => ahead::stream(file, first, length),
            #[cfg(any(test, feature = "testing"))]
            Content::Memory(cursor) => {
                let bytes = cursor.into_inner();
                let most = bytes.len();
                let at = |place: u64| usize::try_from(place).map_or(most, |place| place.min(most));
                let part = bytes.slice(at(first)..at(first.saturating_add(length)));
                // In pieces, as a file is read.
                let pieces = (0..part.len()).step_by(PIECE).map(move |start| {
                    let end = part.len().min(start + PIECE);
                    Ok(part.slice(start..end))
                });
                futures_util::stream::iter(pieces).boxed()
            }
        })
    }
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.content {
            Content::File(file) => file.read(buffer),
            #[cfg(any(test, feature = "testing"))]
            Content::Memory(cursor) => Read::read(cursor, buffer),
        }
    }
}

impl Seek for Object {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.content {
            Content::File(file) => file.seek(to),
            #[cfg(any(test, feature = "testing"))]
            Content::Memory(cursor) => cursor.seek(to),
        }
    }
}
