//! Whether a release fits: bytes and inodes of both file systems, before anything is downloaded.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;

use crate::durable;
use crate::error::{Error, OnPath as _};

/// What is going to be written to a file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) bytes: u64,
    pub(crate) inodes: u64,
}

impl Need {
    /// Bytes that one file or directory takes beyond its content: the rest of its last block, and
    /// its name.
    const PER_FILE: u64 = 4096;

    /// Counts a file of `size` bytes.
    pub(crate) fn add(&mut self, size: u64) {
        self.bytes = self
            .bytes
            .saturating_add(size.next_multiple_of(Self::PER_FILE));
        self.inodes += 1;
    }

    fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            inodes: self.inodes + other.inodes,
        }
    }
}

/// Refuses what does not fit. Both paths exist; needs on the same file system add up.
pub(crate) fn check(root: (&Path, Need), state: (&Path, Need)) -> Result<(), Error> {
    if durable::is_same_file_system(root.0, state.0)? {
        check_one(root.0, root.1.and(state.1))
    } else {
        check_one(root.0, root.1)?;
        check_one(state.0, state.1)
    }
}

fn check_one(path: &Path, need: Need) -> Result<(), Error> {
    let free = statvfs(path)
        .map_err(io::Error::from)
        .on("ask for the free space of", path)?;
    let bytes = free.f_bavail.saturating_mul(free.f_frsize);
    if need.bytes > bytes {
        return Err(Error::NoSpace {
            path: path.to_owned(),
            needed: need.bytes,
            free: bytes,
        });
    }
    // Some file systems make inodes as they need them and say 0.
    if free.f_files != 0 && need.inodes > free.f_favail {
        return Err(Error::NoInodes {
            path: path.to_owned(),
            needed: need.inodes,
            free: free.f_favail,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_does_not_fit_with_the_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let fits = Need {
            bytes: 1,
            inodes: 0,
        };
        assert!(check((path, fits), (path, fits)).is_ok());
        let huge = Need {
            bytes: u64::MAX,
            inodes: 0,
        };
        assert!(matches!(
            check((path, fits), (path, huge)),
            Err(Error::NoSpace {
                needed: u64::MAX,
                ..
            })
        ));
        let many = Need {
            bytes: 0,
            inodes: u64::MAX,
        };
        assert!(matches!(
            check((path, many), (path, Need::default())),
            Err(Error::NoInodes { .. })
        ));
    }

    #[test]
    fn small_files_take_whole_blocks() {
        let mut need = Need::default();
        need.add(1);
        need.add(4097);
        need.add(0);
        assert_eq!(
            need,
            Need {
                bytes: 4096 * 3,
                inodes: 3
            }
        );
    }
}
