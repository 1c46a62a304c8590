//! Whether a release fits: bytes and inodes of both file systems, before anything is downloaded.

use std::path::Path;

use super::error::TreeError;
use crate::platform::{disk, files};

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
pub(crate) fn check(root: (&Path, Need), state: (&Path, Need)) -> Result<(), TreeError> {
    if files::is_same_file_system(root.0, state.0)? {
        check_one(root.0, root.1.and(state.1))
    } else {
        check_one(root.0, root.1)?;
        check_one(state.0, state.1)
    }
}

fn check_one(path: &Path, need: Need) -> Result<(), TreeError> {
    let free = disk::free(path)?;
    if need.bytes > free.bytes {
        return Err(TreeError::NoSpace {
            path: path.to_owned(),
            needed: need.bytes,
            free: free.bytes,
        });
    }
    if let Some(inodes) = free.inodes
        && need.inodes > inodes
    {
        return Err(TreeError::NoInodes {
            path: path.to_owned(),
            needed: need.inodes,
            free: inodes,
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
            Err(TreeError::NoSpace {
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
            Err(TreeError::NoInodes { .. })
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
