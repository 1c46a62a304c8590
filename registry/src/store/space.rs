//! How much space is left, and what of it is kept for tags and the log.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use bulla_files::{Attempt as _, FileError};

use crate::data::Ballast;

/// The reserve is a twentieth of the disk, within these bounds...
const LEAST_RESERVE: u64 = 4 << 20;
const MOST_RESERVE: u64 = 256 << 20;
/// ...but of a very small disk no more than a quarter.
const MOST_SHARE: u64 = 4;

/// Bytes that are written to see whether a disk takes any.
const PROBE: usize = 64 * 1024;

/// The disk that the data directory lies on.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    path: PathBuf,
}

/// What is left on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Space {
    /// Bytes that may still be written.
    free: u64,
    /// Bytes of these that are kept for tags and the log.
    reserve: u64,
}

/// What is going to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A blob: it may use nothing of the reserve.
    Blob,
    /// A manifest or a referrer, which are small: they may use half of it.
    Manifest,
}

/// Why a disk takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is left of it.
    Full,
    /// Nothing is left of it for this user.
    Quota,
    /// Nothing may be written on its file system.
    ReadOnly,
}

impl Refusal {
    /// Returns what a failed operation says about the disk.
    pub(crate) fn from_kind(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::StorageFull => Some(Self::Full),
            ErrorKind::QuotaExceeded => Some(Self::Quota),
            ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnly),
            _ => None,
        }
    }
}

impl Disk {
    /// Takes a path on the disk.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the path on the disk.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many bytes are left; nothing where it cannot be told.
    pub(crate) fn free(&self) -> u64 {
        self.space().map_or(0, |space| space.free)
    }

    /// Returns how many of these are kept for tags and the log.
    pub(crate) fn reserve(&self) -> u64 {
        self.space().map_or(0, |space| space.reserve)
    }

    /// Finds out why the disk takes nothing by writing what is gone at once. `is_full` is for a
    /// disk that is known to have been full, and takes so little now.
    pub(crate) fn refusal(&self, is_full: bool) -> Option<Refusal> {
        let written = tempfile::tempfile_in(&self.path).and_then(|mut file| {
            file.write_all(&vec![0; PROBE])?;
            file.sync_all()
        });
        match written {
            Err(error) => Refusal::from_kind(error.kind()),
            Ok(()) => None,
        }
        .or(is_full.then_some(Refusal::Full))
    }

    /// Makes a file that is gone at once: fails where nothing may be written. It does not wait for the
    /// disk, because anybody may ask for it.
    pub(crate) fn require_writing(&self) -> Result<(), FileError> {
        let made = tempfile::tempfile_in(&self.path);
        let written = made.and_then(|mut file| file.write_all(&[0]));
        written.attempt("write into", &self.path)
    }

    /// Takes room that can be given back, where there is enough besides what is kept.
    pub(crate) fn take_ballast(&self, ballast: &Ballast) {
        let has_room = self.require(Ballast::SIZE, Purpose::Blob);
        if let Err(error) = has_room.and_then(|()| ballast.take()) {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::debug!(error, "no room is kept for `gc` on a full disk");
        }
    }

    /// Looks at what is left.
    fn space(&self) -> Result<Space, FileError> {
        let found = statvfs(&self.path)
            .map_err(|error| FileError::new("look at the disk of", &self.path, error.into()))?;
        let size = found.f_blocks.saturating_mul(found.f_frsize);
        // File systems that make inodes as needed say that they have none.
        let has_inodes = found.f_files == 0 || found.f_favail > 16;
        Ok(Space {
            free: if has_inodes {
                found.f_bavail.saturating_mul(found.f_frsize)
            } else {
                0
            },
            reserve: reserve(size),
        })
    }

    /// Returns how much is missing to write `bytes`.
    pub(crate) fn missing(&self, bytes: u64, purpose: Purpose) -> Result<u64, FileError> {
        let space = self.space()?;
        Ok(space.needed(bytes, purpose).saturating_sub(space.free))
    }

    /// Refuses to write `bytes` that would use what is kept for more important things. The answer
    /// is the one that the system would give on a full disk.
    pub(crate) fn require(&self, bytes: u64, purpose: Purpose) -> Result<(), FileError> {
        if self.missing(bytes, purpose)? == 0 {
            Ok(())
        } else {
            let full = std::io::ErrorKind::StorageFull;
            Err(FileError::new("write into", &self.path, full.into()))
        }
    }
}

impl Space {
    /// Returns how much must be free before `bytes` are written.
    fn needed(self, bytes: u64, purpose: Purpose) -> u64 {
        let kept = match purpose {
            Purpose::Blob => self.reserve,
            Purpose::Manifest => self.reserve / 2,
        };
        kept.saturating_add(bytes)
    }
}

fn reserve(size: u64) -> u64 {
    (size / 20)
        .clamp(LEAST_RESERVE, MOST_RESERVE)
        .min(size / MOST_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_a_small_part_of_any_disk() {
        for (size, expected) in [
            (8 << 20, 2 << 20),
            (64 << 20, 4 << 20),
            (2 << 30, (2 << 30) / 20),
            (1 << 40, 256 << 20),
        ] {
            assert_eq!(reserve(size), expected, "{size}");
        }
    }

    #[test]
    fn what_matters_more_may_use_more_of_the_reserve() {
        let space = Space {
            free: 700,
            reserve: 600,
        };
        assert_eq!(space.needed(100, Purpose::Blob), 700);
        assert_eq!(space.needed(100, Purpose::Manifest), 400);
        assert_eq!(space.needed(u64::MAX, Purpose::Blob), u64::MAX);
    }
}
