//! What a file system can do beyond files and directories: exchange two names in one step, share
//! the blocks of a file, say how much is free.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, ioctl_ficlone, openat, renameat_with, statvfs};
use rustix::io::Errno;

use super::files::{Attempt as _, FileError};

/// What is free on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Free {
    pub(crate) bytes: u64,
    /// Absent where inodes are made as they are needed.
    pub(crate) inodes: Option<u64>,
}

/// Returns what is free on the file system that holds `path`.
pub(crate) fn free(path: &Path) -> Result<Free, FileError> {
    let found = statvfs(path)
        .map_err(io::Error::from)
        .attempt("ask for the free space of", path)?;
    Ok(Free {
        bytes: found.f_bavail.saturating_mul(found.f_frsize),
        inodes: (found.f_files != 0).then_some(found.f_favail),
    })
}

/// Exchanges two names in one step; tells whether the file system can.
pub(crate) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Renames to a name that nothing has.
pub(crate) fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // A file system that cannot do both in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match fs::symlink_metadata(to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Gives the empty file `target` the content of `source`, without copying it.
pub(crate) fn clone(source: impl AsFd, target: impl AsFd) -> io::Result<()> {
    Ok(ioctl_ficlone(target, source)?)
}

/// Opens a file without a name, which is gone once it is closed.
pub(crate) fn nameless_file(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(openat(CWD, directory, flags, Mode::RUSR | Mode::WUSR)?.into())
}
