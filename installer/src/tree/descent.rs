//! `Descent`: a way down a tree that cannot leave it.
//!
//! Every part of a path is opened by itself, relative to the directory above, and never through a
//! symbolic link or across a mount. Going from one path to the next in index order opens each
//! directory about once.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use crate::platform::directory::{open_below, open_top};

/// Handles of a tree's top and of the directories down to where the last path lay.
pub(crate) struct Descent {
    top: OwnedFd,
    opened: Vec<(String, OwnedFd)>,
    /// The directory that was gone to last, when that was possible.
    at: Option<String>,
}

impl Descent {
    /// Opens the top of a tree, which must not be a symbolic link.
    pub(crate) fn open(top: &Path) -> io::Result<Self> {
        Ok(Self {
            top: open_top(top)?,
            opened: Vec::new(),
            at: None,
        })
    }

    /// Goes to the directory that holds `path`, and returns it with the last part of `path`.
    pub(crate) fn parent_of<'a>(&mut self, path: &'a str) -> io::Result<(BorrowedFd<'_>, &'a str)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if matches!(name, "" | "." | "..") {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok((self.go(parent)?, name))
    }

    /// Goes to a directory of the tree; the empty path is its top.
    pub(crate) fn go(&mut self, directory: &str) -> io::Result<BorrowedFd<'_>> {
        if self.at.as_deref() != Some(directory) {
            self.at = None;
            self.open_to(directory)?;
            self.at = Some(directory.to_owned());
        }
        Ok(self.here())
    }

    fn open_to(&mut self, directory: &str) -> io::Result<()> {
        let mut parts = directory
            .split('/')
            .filter(|part| !part.is_empty())
            .peekable();
        let mut shared = 0;
        while let (Some(part), Some((open, _))) = (parts.peek(), self.opened.get(shared))
            && part == open
        {
            parts.next();
            shared += 1;
        }
        self.opened.truncate(shared);
        for part in parts {
            if matches!(part, "." | "..") {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let next = open_below(self.here(), part)?;
            self.opened.push((part.to_owned(), next));
        }
        Ok(())
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.opened
            .last()
            .map_or_else(|| self.top.as_fd(), |(_, directory)| directory.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_no_link_at_the_top_or_below() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b")).unwrap();
        std::fs::create_dir_all(folder.path().join("outside/b")).unwrap();
        std::os::unix::fs::symlink("../outside", tree.join("link")).unwrap();
        std::os::unix::fs::symlink("tree", folder.path().join("top")).unwrap();

        let mut descent = Descent::open(&tree).unwrap();
        assert!(descent.go("a/b").is_ok());
        assert!(descent.go("link").is_err());
        assert!(descent.go("link/b").is_err());
        assert!(descent.go("a/../a").is_err());
        assert!(descent.go("a").is_ok());
        assert!(Descent::open(&folder.path().join("top")).is_err());
    }
}
