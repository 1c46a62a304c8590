//! The record of a tree: what the installer put there, and the stamps of files and directories.
//!
//! With it a tree is compared in one `stat` per path, and a file of an older release is found by its
//! digest. It is a hint and no more: whatever does not match it is hashed against the release's index.

mod text;

use std::collections::{HashMap, HashSet};

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use bulla_schemas::index::EntryKind;
use rustix::fs::FileType;

use crate::platform::seen::Seen;
use crate::platform::stamp::Stamp;

/// What was put in a tree; each list is sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeRecord {
    pub(crate) hash: Digest,
    /// Whether nothing touched it since the installer wrote it, owners, modes and attributes included.
    pub(crate) is_as_written: bool,
    /// The stamp of the kept index that the tree was compared with.
    pub(crate) index: Stamp,
    /// All directories but the top.
    pub(crate) directories: Vec<RecordedDirectory>,
    pub(crate) links: Vec<RecordedLink>,
    pub(crate) files: Vec<RecordedFile>,
}

/// A directory; its stamp changes when a name is added to it or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedDirectory {
    pub(crate) path: String,
    pub(crate) stamp: Stamp,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedLink {
    pub(crate) path: String,
    pub(crate) target: String,
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedFile {
    pub(crate) path: String,
    pub(crate) executable: bool,
    pub(crate) stamp: Stamp,
    pub(crate) digest: Digest,
}

impl RecordedFile {
    /// Tells whether it is as the installer writes a file for a user, and shared with no other tree.
    pub(crate) fn is_as_written(&self, seen: &Seen, user: u32) -> bool {
        let mode = if self.executable { 0o555 } else { 0o444 };
        seen.kind == FileType::RegularFile
            && seen.stamp == self.stamp
            && seen.mode == mode
            && seen.links == 1
            && seen.owner == user
    }
}

impl TreeRecord {
    /// Makes the record of a tree of which nothing is known but its release: the files that should
    /// be in it, none of which is believed before it was hashed.
    pub(crate) fn unseen(bundle: &VerifiedBundle) -> Self {
        let files = bundle
            .entries()
            .iter()
            .filter_map(|entry| match &entry.kind {
                EntryKind::File {
                    executable, digest, ..
                } => Some(RecordedFile {
                    path: entry.path.as_str().to_owned(),
                    executable: *executable,
                    stamp: Stamp::NONE,
                    digest: *digest,
                }),
                EntryKind::Directory | EntryKind::Link { .. } => None,
            });
        let mut files: Vec<RecordedFile> = files.collect();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Self {
            hash: bundle.hash(),
            is_as_written: false,
            index: Stamp::NONE,
            directories: Vec::new(),
            links: Vec::new(),
            files,
        }
    }

    /// Returns where each of the wanted contents lies, as positions in `files`; of several the
    /// first.
    pub(crate) fn find(&self, wanted: &HashSet<Digest>) -> HashMap<Digest, usize> {
        let mut found = HashMap::new();
        for (position, file) in self.files.iter().enumerate() {
            if wanted.contains(&file.digest) {
                found.entry(file.digest).or_insert(position);
            }
        }
        found
    }

    /// Returns when the last of it changed, in nanoseconds since 1970.
    pub(crate) fn newest(&self) -> i128 {
        let changed = self.stamps().map(|stamp| stamp.ctime);
        changed.max().unwrap_or(0)
    }

    /// Forgets the stamps of what changed at `now` or later: what changes next could have the same.
    pub(crate) fn forget_since(&mut self, now: i128) {
        let files = self.files.iter_mut().map(|file| &mut file.stamp);
        let directories = self.directories.iter_mut();
        let stamps = directories.map(|directory| &mut directory.stamp);
        for stamp in files.chain(stamps).filter(|stamp| stamp.ctime >= now) {
            *stamp = Stamp::NONE;
        }
    }

    /// Tells whether nothing was touched from one look to the other.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.directories == other.directories
            && self.links == other.links
            && self.files == other.files
    }

    fn stamps(&self) -> impl Iterator<Item = &Stamp> {
        let directories = self.directories.iter().map(|directory| &directory.stamp);
        directories.chain(self.files.iter().map(|file| &file.stamp))
    }

    /// Returns the stamp of a directory that was put under a path.
    pub(crate) fn directory(&self, path: &str) -> Option<Stamp> {
        let position = self
            .directories
            .binary_search_by(|known| known.path.as_str().cmp(path));
        Some(self.directories[position.ok()?].stamp)
    }

    /// Returns the target of a link that was put under a path.
    pub(crate) fn link(&self, path: &str) -> Option<&str> {
        let position = self
            .links
            .binary_search_by(|known| known.path.as_str().cmp(path));
        Some(&self.links[position.ok()?].target)
    }

    /// Looks files up by their path.
    pub(crate) const fn lookup(&self) -> Lookup<'_> {
        Lookup {
            files: self.files.as_slice(),
            next: 0,
        }
    }

    /// Returns the file that was put under a path.
    pub(crate) fn get(&self, path: &str) -> Option<&RecordedFile> {
        self.lookup().get(path)
    }

    fn len(&self) -> usize {
        self.directories.len() + self.links.len() + self.files.len()
    }
}

/// Looks files of a record up by their path; in the record's order, each is found where the last
/// one ended.
#[derive(Debug, Clone)]
pub(crate) struct Lookup<'a> {
    files: &'a [RecordedFile],
    next: usize,
}

impl<'a> Lookup<'a> {
    /// Returns where a path stands in the record's files.
    pub(crate) fn position(&mut self, path: &str) -> Option<usize> {
        let is_next = self
            .files
            .get(self.next)
            .is_some_and(|file| file.path == path);
        let found = if is_next {
            Ok(self.next)
        } else {
            self.files
                .binary_search_by(|file| file.path.as_str().cmp(path))
        };
        self.next = found.map_or_else(|after| after, |position| position + 1);
        found.ok()
    }

    /// Returns the file that was put under a path.
    pub(crate) fn get(&mut self, path: &str) -> Option<&'a RecordedFile> {
        self.position(path).map(|position| &self.files[position])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(super) fn record() -> TreeRecord {
        let file = |path: &str, content: &[u8]| RecordedFile {
            path: path.to_owned(),
            executable: content == b"abc",
            stamp: Stamp {
                inode: 7,
                size: 3,
                mtime: -1,
                ctime: 1_700_000_000_123_456_789,
            },
            digest: Digest::of(content),
        };
        TreeRecord {
            hash: Digest::of(b"release"),
            is_as_written: true,
            index: Stamp {
                inode: 8,
                size: 9,
                mtime: 1,
                ctime: 2,
            },
            directories: vec![RecordedDirectory {
                path: "bin".to_owned(),
                stamp: Stamp::NONE,
            }],
            links: vec![RecordedLink {
                path: "bin/run".to_owned(),
                target: "an app".to_owned(),
            }],
            files: vec![file("bin/an app", b"abc"), file("share/text", b"def")],
        }
    }

    #[test]
    fn finds_by_path_and_by_digest() {
        let record = record();
        assert_eq!(record.get("share/text").unwrap().digest, Digest::of(b"def"));
        assert_eq!(record.get("bin/none"), None);
        let mut lookup = record.lookup();
        for (path, position) in [
            ("bin/an app", Some(0)),
            ("share/text", Some(1)),
            ("z", None),
            ("bin/none", None),
            ("share/text", Some(1)),
            ("bin/an app", Some(0)),
        ] {
            assert_eq!(lookup.position(path), position, "{path}");
        }
        let (known, unknown) = (Digest::of(b"def"), Digest::of(b"xyz"));
        let found = record.find(&HashSet::from([known, unknown]));
        assert_eq!(found, HashMap::from([(known, 1)]));
        assert_eq!(record.directory("bin"), Some(Stamp::NONE));
        assert_eq!(record.link("bin/run"), Some("an app"));
        assert_eq!(record.link("bin"), None);
    }
}
