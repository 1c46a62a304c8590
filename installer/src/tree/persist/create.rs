//! Creates a directory below `persist/`, through the handle of each directory above it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, fstat, fsync, mkdirat, openat, readlinkat, statat,
};
use rustix::io::Errno;

use super::error::PersistError;
use crate::platform::files::Attempt as _;

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::RDONLY)
    .union(OFlags::CLOEXEC);

/// Creates `path` below `top`, with the directories above it, durably.
pub(super) fn create(top: &Path, path: &str) -> Result<(), PersistError> {
    let mut reached = top.to_owned();
    let mut directory = openat(CWD, top, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
        .map_err(io::Error::from)
        .attempt("open", top)?;
    for part in path.split('/') {
        reached.push(part);
        directory = enter(&directory, part, &reached)?;
    }
    Ok(())
}

/// Opens a directory, which is created if missing.
fn enter(above: &OwnedFd, name: &str, path: &Path) -> Result<OwnedFd, PersistError> {
    match mkdirat(above, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => fsync(above)
            .map_err(io::Error::from)
            .attempt("make durable", path)?,
        // Whatever is there is looked at below.
        Err(Errno::EXIST) => {}
        Err(error) => Err(io::Error::from(error)).attempt("create the directory", path)?,
    }
    match open(above, name) {
        Err(Errno::NOTDIR | Errno::LOOP) => follow(above, name, path),
        opened => Ok(opened.map_err(io::Error::from).attempt("open", path)?),
    }
}

fn open(above: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    openat(above, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}

/// Goes through a link that only we or root can have placed.
fn follow(above: &OwnedFd, name: &str, path: &Path) -> Result<OwnedFd, PersistError> {
    let found = statat(above, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(io::Error::from)
        .attempt("look at", path)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Symlink {
        return Err(PersistError::NoDirectory {
            path: path.to_owned(),
        });
    }
    let holding = fstat(above)
        .map_err(io::Error::from)
        .attempt("look at", path)?;
    let user = rustix::process::geteuid().as_raw();
    let is_ours = |owner: u32| owner == user || owner == 0;
    let is_shared = holding.st_mode & 0o022 != 0;
    if !is_ours(found.st_uid) || !is_ours(holding.st_uid) || is_shared {
        return Err(PersistError::ForeignLink {
            link: path.to_owned(),
            target: target(above, name),
            owner: if is_ours(found.st_uid) {
                holding.st_uid
            } else {
                found.st_uid
            },
        });
    }
    Ok(openat(above.as_fd(), name, DIRECTORY, Mode::empty())
        .map_err(io::Error::from)
        .attempt("open", path)?)
}

fn target(above: &OwnedFd, name: &str) -> PathBuf {
    readlinkat(above, name, Vec::new()).map_or_else(
        |_| PathBuf::new(),
        |target| OsStr::from_bytes(target.as_bytes()).into(),
    )
}
