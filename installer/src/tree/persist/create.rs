//! Creates a directory below `persist/`, through the handle of each directory above it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, fchmod, fchown, fstat, fsync, mkdirat, openat,
    readlinkat, statat,
};
use rustix::io::Errno;

use super::error::PersistError;
use crate::config::{Owner, PersistPolicy, UserName};
use crate::platform::files::Attempt as _;
use crate::platform::users;

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::RDONLY)
    .union(OFlags::CLOEXEC);

/// Where directories are created, and to whom they then belong.
pub(super) struct Creation<'a> {
    top: PathBuf,
    policy: &'a PersistPolicy,
}

impl<'a> Creation<'a> {
    pub(super) const fn new(top: PathBuf, policy: &'a PersistPolicy) -> Self {
        Self { top, policy }
    }

    /// Creates `path` below the top, with the directories above it, durably.
    pub(super) fn create(&self, path: &str) -> Result<(), PersistError> {
        let owner = self.policy.owner.as_ref().map(find_owner).transpose()?;
        let mut reached = self.top.clone();
        let mut directory = openat(CWD, &self.top, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
            .map_err(io::Error::from)
            .attempt("open", &self.top)?;
        for part in path.split('/') {
            reached.push(part);
            directory = self.enter(&directory, part, &reached, owner)?;
        }
        Ok(())
    }

    /// Opens a directory, which is created if missing.
    fn enter(
        &self,
        above: &OwnedFd,
        name: &str,
        path: &Path,
        owner: Option<(Uid, Gid)>,
    ) -> Result<OwnedFd, PersistError> {
        // One that is to be less open than usual is never more open than that.
        let usual = Mode::from_raw_mode(0o755);
        let mode = self
            .policy
            .mode
            .map(|mode| Mode::from_raw_mode(mode.bits()));
        match mkdirat(above, name, mode.map_or(usual, |mode| mode & usual)) {
            Ok(()) => {
                let created = open(above, name)
                    .map_err(io::Error::from)
                    .attempt("open", path)?;
                give(&created, owner, mode).attempt("set the owner and mode of", path)?;
                fsync(above)
                    .map_err(io::Error::from)
                    .attempt("make durable", path)?;
                return Ok(created);
            }
            // Whatever is there is looked at below.
            Err(Errno::EXIST) => {}
            Err(error) => Err(io::Error::from(error)).attempt("create the directory", path)?,
        }
        match open(above, name) {
            Err(Errno::NOTDIR | Errno::LOOP) => follow(above, name, path),
            opened => Ok(opened.map_err(io::Error::from).attempt("open", path)?),
        }
    }
}

/// Gives a directory to its owner; the mode comes last, because a new owner takes bits away.
fn give(created: &OwnedFd, owner: Option<(Uid, Gid)>, mode: Option<Mode>) -> io::Result<()> {
    if let Some((user, group)) = owner {
        fchown(created, Some(user), Some(group))?;
    }
    if let Some(mode) = mode {
        fchmod(created, mode)?;
    }
    if owner.is_some() || mode.is_some() {
        fsync(created)?;
    }
    Ok(())
}

fn find_owner(owner: &Owner) -> Result<(Uid, Gid), PersistError> {
    let unknown = || PersistError::UnknownOwner {
        owner: owner.clone(),
    };
    let group = owner.group.as_ref();
    let found = users::owner(owner.user.as_str(), group.map(UserName::as_str));
    found.ok_or_else(unknown)
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
