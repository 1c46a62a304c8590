//! `Tree`: a folder as a value, to be compared with another.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bulla_schemas::path::RELEASE_FILE;
use sha2::{Digest, Sha256};

/// Everything below a folder, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree(pub BTreeMap<String, Node>);

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory,
    /// A file: whether its owner may execute it, and the sha256 of its content.
    File {
        /// The owner's executable bit.
        executable: bool,
        /// The sha256 of its content.
        digest: [u8; 32],
    },
    /// A symbolic link and its target.
    Link(String),
}

/// Gives the owner every right to the folders at and below `folder`, as far as possible.
pub fn make_removable(folder: &Path) {
    let everything = std::fs::Permissions::from_mode(0o700);
    // What cannot be changed is left behind in the temporary directory; no test fails for that.
    let _ = std::fs::set_permissions(folder, everything);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}

impl Tree {
    /// Reads a folder. Links are not followed, and the installer's own file is left out.
    pub fn read(folder: &Path) -> Self {
        let mut tree = Self::default();
        tree.read_below(folder, "");
        tree.0.remove(RELEASE_FILE);
        tree
    }

    /// Returns the tree without what lies at or below `path`.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        let below = format!("{path}/");
        self.0
            .retain(|name, _| name != path && !name.starts_with(&below));
        self
    }

    /// Returns the paths at which the two differ.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let paths: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        paths
            .into_iter()
            .filter(|path| self.0.get(*path) != other.0.get(*path))
            .cloned()
            .collect()
    }

    fn read_below(&mut self, folder: &Path, prefix: &str) {
        let entries = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("cannot list `{}`: {error}", folder.display()));
        for entry in entries {
            let entry = entry.expect("an entry of a folder");
            let path = entry.path();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().expect("the kind of an entry");
            let node = if kind.is_dir() {
                self.read_below(&path, &format!("{name}/"));
                Node::Directory
            } else if kind.is_symlink() {
                let target = std::fs::read_link(&path).expect("the target of a link");
                Node::Link(target.to_string_lossy().into_owned())
            } else {
                let mode = entry
                    .metadata()
                    .expect("a file's mode")
                    .permissions()
                    .mode();
                let content = std::fs::read(&path).expect("a file's content");
                Node::File {
                    executable: mode & 0o100 != 0,
                    digest: Sha256::digest(content).into(),
                }
            };
            self.0.insert(name, node);
        }
    }
}
