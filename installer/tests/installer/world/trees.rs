//! Trees to release, and what is looked at in those that are installed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bulla_bundle::MemoryTree;
use bulla_schemas::Digest;

/// Bytes that do not compress, the same for the same name.
pub(crate) fn noise(name: &str, size: usize) -> Vec<u8> {
    let mut state = u64::from_le_bytes(
        Digest::of(name.as_bytes()).as_bytes()[..8]
            .try_into()
            .unwrap(),
    );
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// A tree with a file of each kind, and one whose content is the argument.
pub(crate) fn small_tree(version: &str) -> MemoryTree {
    MemoryTree::default()
        .executable("bin/app", "#!/bin/sh\necho app\n")
        .unwrap()
        .link("bin/run", "app")
        .unwrap()
        .directory("cache")
        .unwrap()
        .file("empty", "")
        .unwrap()
        .file("share/read me.txt", "read me\n")
        .unwrap()
        .file("version.txt", version)
        .unwrap()
}

/// A tree of `count` files of some kilobytes, of which one depends on `version`.
pub(crate) fn wide_tree(count: usize, version: &str) -> MemoryTree {
    let mut tree = MemoryTree::default();
    for number in 0..count {
        let path = format!("src/{:02}/file-{number:04}.txt", number % 20);
        tree = tree.file(&path, noise(&path, 9000)).unwrap();
    }
    tree.file("version.txt", version).unwrap()
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

pub(crate) fn mtime(path: &Path) -> i64 {
    fs::symlink_metadata(path).unwrap().mtime()
}
