//! `Stamp`: what the file system says about a file that nobody has touched since.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Stat, Statx, StatxTimestamp, Timespec, fstat, statat};

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;

/// Inode, size and times. A file whose stamp is the one that was taken before it was hashed still
/// has that content, since a ctime cannot be set. Another stamp means nothing yet: owners, modes,
/// copies and hard links change it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) mtime: i128,
    /// Nanoseconds since 1970.
    pub(crate) ctime: i128,
}

impl Stamp {
    /// The stamp of no file: whatever it is compared with is looked at closely.
    pub(crate) const NONE: Self = Self {
        inode: 0,
        size: 0,
        mtime: 0,
        ctime: 0,
    };

    /// Reads the stamp of an open file.
    pub(crate) fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(Self::from_stat(&fstat(file)?))
    }

    /// Takes it from what `stat` returned.
    pub(crate) fn from_stat(stat: &Stat) -> Self {
        let nanoseconds = |seconds, rest| i128::from(seconds) * SECOND + i128::from(rest);
        Self {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Takes it from what `statx` returned.
    pub(crate) fn from_statx(found: &Statx) -> Self {
        let nanoseconds =
            |time: StatxTimestamp| i128::from(time.tv_sec) * SECOND + i128::from(time.tv_nsec);
        Self {
            inode: found.stx_ino,
            size: found.stx_size,
            mtime: nanoseconds(found.stx_mtime),
            ctime: nanoseconds(found.stx_ctime),
        }
    }
}

/// Reads what lies under a name, not following a link; `None` when nothing does.
pub(crate) fn look(directory: impl AsFd, name: &str) -> io::Result<Option<Stat>> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes nanoseconds since 1970.
pub(crate) fn timespec(nanoseconds: i128) -> io::Result<Timespec> {
    Ok(Timespec {
        tv_sec: i64::try_from(nanoseconds.div_euclid(SECOND)).map_err(io::Error::other)?,
        tv_nsec: i64::try_from(nanoseconds.rem_euclid(SECOND)).map_err(io::Error::other)?,
    })
}
