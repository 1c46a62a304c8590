//! `Seen`: what the file system says of a name, in one call.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, statat, statx};
use rustix::io::Errno;
use rustix::path::Arg;

use super::stamp::Stamp;

/// What lies under a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) kind: FileType,
    /// The permission bits.
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    /// How many names it has.
    pub(crate) links: u64,
    pub(crate) stamp: Stamp,
    /// Whether something is mounted there.
    pub(crate) is_mounted: bool,
    /// Whether a file flag forbids to change or to remove it.
    pub(crate) is_immutable: bool,
}

/// Looks at a name, not following a link.
pub(crate) fn look(above: impl AsFd, name: impl Arg + Copy) -> io::Result<Seen> {
    look_with(above, name, AtFlags::empty())
}

/// Looks at an open directory itself.
pub(crate) fn look_at(directory: impl AsFd) -> io::Result<Seen> {
    look_with(directory, c"", AtFlags::EMPTY_PATH)
}

fn look_with(above: impl AsFd, name: impl Arg + Copy, flags: AtFlags) -> io::Result<Seen> {
    let flags = flags | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    match statx(above.as_fd(), name, flags, StatxFlags::BASIC_STATS) {
        Ok(found) => Ok(Seen::from_statx(&found)),
        // Linux before 4.11 does not tell of mounts and flags; removing it will.
        Err(Errno::NOSYS) => {
            let found = statat(above, name, flags)?;
            Ok(Seen {
                kind: FileType::from_raw_mode(found.st_mode),
                mode: found.st_mode & 0o7777,
                owner: found.st_uid,
                links: found.st_nlink,
                stamp: Stamp::from_stat(&found),
                is_mounted: false,
                is_immutable: false,
            })
        }
        Err(error) => Err(error.into()),
    }
}

impl Seen {
    /// Tells whether a user can change and remove it, and whether it is on the file system of the
    /// directory above.
    pub(crate) fn is_free_for(&self, user: u32) -> bool {
        self.owner == user && !self.is_mounted && !self.is_immutable
    }

    fn from_statx(found: &Statx) -> Self {
        let mode = u32::from(found.stx_mode);
        let attributes = found.stx_attributes;
        Self {
            kind: FileType::from_raw_mode(mode),
            mode: mode & 0o7777,
            owner: found.stx_uid,
            links: found.stx_nlink.into(),
            stamp: Stamp::from_statx(found),
            is_mounted: attributes.contains(StatxAttributes::MOUNT_ROOT),
            is_immutable: attributes
                .intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_same_as_stat() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "content").unwrap();
        let directory = std::fs::File::open(folder.path()).unwrap();
        let stat = rustix::fs::stat(folder.path().join("file")).unwrap();
        let seen = look(&directory, "file").unwrap();
        assert_eq!(seen.stamp, Stamp::from_stat(&stat));
        assert_eq!(seen.mode, stat.st_mode & 0o7777);
        assert_eq!((seen.owner, seen.links), (stat.st_uid, 1));
        assert!(!seen.is_mounted && !seen.is_immutable);
        assert_eq!(look_at(&directory).unwrap().kind, FileType::Directory);
    }
}
