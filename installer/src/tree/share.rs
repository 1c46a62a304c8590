//! How a file of an older release gets into a new one: reflink, copy, or, only when asked, a hard
//! link. Every content is checked by its digest on the way.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_schemas::Digest;
use rustix::fs::{AtFlags, Mode, OFlags, linkat, openat};
use sha2::{Digest as _, Sha256};

use super::descent::Descent;
use crate::config::Link;
use crate::platform::disk;
use crate::state::record::TreeRecord;

/// How many files came in which way.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    cloned: AtomicU64,
    copied: AtomicU64,
    linked: AtomicU64,
}

impl Shared {
    pub(crate) fn count(&self, way: Way) {
        let counter = match way {
            Way::Cloned => &self.cloned,
            Way::Copied => &self.copied,
            Way::Linked => &self.linked,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many files were cloned, copied and linked.
    pub(crate) fn counts(&self) -> [u64; 3] {
        [&self.cloned, &self.copied, &self.linked].map(|counter| counter.load(Ordering::Relaxed))
    }
}

/// How one file came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Cloned,
    Copied,
    Linked,
}

/// Opens a file of an older release.
pub(crate) fn open_source(directory: BorrowedFd<'_>, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(openat(directory, name, flags, Mode::empty())?.into())
}

/// Gives an older release's file a second name.
pub(crate) fn link(from: (BorrowedFd<'_>, &str), to: (BorrowedFd<'_>, &str)) -> io::Result<()> {
    Ok(linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?)
}

/// Fills an empty file with the content of `source`, and returns its digest; `None` when `source`
/// cannot be read to its end.
pub(crate) fn fill(
    source: &File,
    target: &File,
    size: u64,
    link: Link,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(Digest, Way)>> {
    if size > 0 && link != Link::Copy && link != Link::Hard {
        match disk::clone(source, target) {
            Ok(()) => {
                let digest = hash(target, size, buffer, |_, _| Ok(()));
                return Ok(digest.ok().map(|digest| (digest, Way::Cloned)));
            }
            Err(error) if link == Link::Clone => return Err(error),
            Err(_) => {}
        }
    }
    // What is hashed has to be read anyway, so `copy_file_range` would read it twice.
    let mut failed = None;
    let digest = hash(source, size, buffer, |piece, offset| {
        target.write_all_at(piece, offset).map_err(|error| {
            let kind = error.kind();
            failed = Some(error);
            kind.into()
        })
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(digest.ok().map(|digest| (digest, Way::Copied))),
    }
}

/// Reads exactly `size` bytes, passes them on and hashes them.
pub(crate) fn hash(
    file: &File,
    size: u64,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8], u64) -> io::Result<()>,
) -> io::Result<Digest> {
    const PIECE: u64 = 1024 * 1024;
    let mut hasher = Sha256::new();
    let mut offset = 0;
    while offset < size {
        let length = usize::try_from(PIECE.min(size - offset)).map_err(io::Error::other)?;
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let piece = &mut buffer[..length];
        file.read_exact_at(piece, offset)?;
        each(piece, offset)?;
        hasher.update(&*piece);
        offset += length as u64;
    }
    Ok(hasher.finalize().into())
}

/// Tells whether files of a tree can be cloned, by cloning one.
pub(crate) fn can_clone(tree: &Path, record: &TreeRecord) -> bool {
    clone_one(tree, record).is_ok()
}

fn clone_one(tree: &Path, record: &TreeRecord) -> io::Result<()> {
    let file = record
        .files()
        .find(|file| file.stamp.size > 0)
        .ok_or(io::ErrorKind::NotFound)?;
    let mut descent = Descent::open(tree)?;
    let (directory, name) = descent.parent_of(file.path)?;
    let source = open_source(directory, name)?;
    let target = disk::nameless_file(tree.parent().unwrap_or(tree))?;
    disk::clone(&source, &target)
}
