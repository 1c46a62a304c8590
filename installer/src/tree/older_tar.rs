//! `OlderTar`: the tar of a release, made again from its tree.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bulla_bundle::TarPart;
use bulla_schemas::EntryPath;
use rustix::fs::{FileType, fstat};

use super::descent::Descent;
use super::share;

/// A tree that is read as a tar. A person may have edited it: the caller knows digests of what is
/// read.
pub(crate) struct OlderTar(Descent);

impl OlderTar {
    /// Opens a tree.
    pub(crate) fn open(tree: &Path) -> io::Result<Self> {
        Descent::open(tree).map(Self)
    }

    /// Puts parts together, and reads nothing of files but that. The caller has bounded how many
    /// bytes the parts have.
    pub(crate) fn read(&mut self, parts: &[TarPart]) -> io::Result<Vec<u8>> {
        let mut tar = Vec::new();
        for part in parts {
            match part {
                TarPart::Implied(bytes) => tar.extend_from_slice(bytes),
                TarPart::Content { path, range } => {
                    let file = self.open_file(path)?;
                    let length = range.end.saturating_sub(range.start);
                    let length = usize::try_from(length).map_err(io::Error::other)?;
                    let known = tar.len();
                    tar.resize(known + length, 0);
                    file.read_exact_at(&mut tar[known..], range.start)?;
                }
            }
        }
        Ok(tar)
    }

    fn open_file(&mut self, path: &EntryPath) -> io::Result<File> {
        let (directory, name) = self.0.parent_of(path.as_str())?;
        let file = share::open_source(directory, name)?;
        match FileType::from_raw_mode(fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(file),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn read_of(tree: &Path, path: &str) -> io::Result<Vec<u8>> {
        let content = TarPart::Content {
            path: path.parse().unwrap(),
            range: 1..4,
        };
        let parts = [TarPart::Implied(vec![7, 7]), content];
        OlderTar::open(tree)?.read(&parts)
    }

    #[test]
    fn reads_the_range_of_a_file_behind_what_is_implied() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("a")).unwrap();
        fs::write(tree.join("a/b"), "hello").unwrap();
        assert_eq!(read_of(&tree, "a/b").unwrap(), b"\x07\x07ell");
        fs::write(tree.join("a/b"), "hel").unwrap();
        assert!(read_of(&tree, "a/b").is_err());
    }

    #[test]
    fn reads_nothing_through_a_link_and_waits_for_no_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(&tree).unwrap();
        fs::create_dir_all(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/b"), "secret").unwrap();
        symlink("../outside", tree.join("a")).unwrap();
        symlink("../outside/b", tree.join("b")).unwrap();
        let pipe = tree.join("pipe");
        let mode = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
        for path in ["a/b", "b", "pipe"] {
            assert!(read_of(&tree, path).is_err(), "{path}");
        }
    }
}
