//! Objects are what their ids say. Git checks that when it stores an object, not when it reads
//! one: a damaged pack or a borrowed store could put other bytes in a release. Bytes made to
//! collide under SHA-1 are noticed as git notices them.

use std::io::{self, Read};

use gix::hash::{Hasher, hasher};
use gix::objs::{Data, Kind, encode::loose_header};

/// Checks a commit.
pub(super) fn commit(commit: &gix::Commit<'_>) -> Result<(), gix::Error> {
    let data = Data::new(&commit.data, Kind::Commit, commit.id.kind());
    data.verify_checksum(&commit.id).map(drop)
}

/// Checks a tree.
pub(super) fn tree(tree: &gix::Tree<'_>) -> Result<(), gix::Error> {
    let data = Data::new(&tree.data, Kind::Tree, tree.id.kind());
    data.verify_checksum(&tree.id).map(drop)
}

/// Checks the bytes of the blob `id`.
pub(super) fn blob(id: gix::ObjectId, bytes: &[u8]) -> io::Result<()> {
    let data = Data::new(bytes, Kind::Blob, id.kind());
    data.verify_checksum(&id)
        .map(drop)
        .map_err(|error| mismatch(id, &error))
}

/// Reads a blob and fails at its end when it is another one.
pub(super) struct Verified<R> {
    reader: R,
    id: gix::ObjectId,
    /// None once the end was reached.
    hasher: Option<Hasher>,
}

impl<R> Verified<R> {
    /// Wraps a reader of the blob `id`, which has `size` bytes.
    pub(super) fn new(reader: R, size: u64, id: gix::ObjectId) -> Self {
        let mut hasher = hasher(id.kind());
        hasher.update(&loose_header(Kind::Blob, size));
        Self {
            reader,
            id,
            hasher: Some(hasher),
        }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.reader.read(buffer)?;
        if len > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..len]);
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            hasher
                .try_finalize()
                .and_then(|found| found.verify(&self.id))
                .map_err(|error| mismatch(self.id, &error))?;
        }
        Ok(len)
    }
}

fn mismatch(id: gix::ObjectId, error: &gix::Error) -> io::Error {
    let message = format!("object {id} is damaged: {error}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
