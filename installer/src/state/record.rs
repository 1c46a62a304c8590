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

/// How many bytes of paths a file is expected to bring.
const PATH: usize = 64;

/// What was put in a tree; each list is sorted by path. All paths are parts of one text, so that
/// 20,000 of them take no memory of their own.
#[derive(Debug, Clone)]
pub(crate) struct TreeRecord {
    pub(crate) hash: Digest,
    /// Whether nothing touched it since the installer wrote it, owners, modes and attributes included.
    pub(crate) is_as_written: bool,
    /// The stamp of the kept index that the tree was compared with.
    pub(crate) index: Stamp,
    /// The paths and targets, and whatever stands between them.
    text: String,
    /// All directories but the top.
    directories: Vec<(Part, Stamp)>,
    /// Paths and targets.
    links: Vec<(Part, Part)>,
    files: Vec<File>,
}

/// A part of a record's text.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct File {
    path: Part,
    executable: bool,
    stamp: Stamp,
    digest: Digest,
}

/// A directory; its stamp changes when a name is added to it or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordedDirectory<'a> {
    pub(crate) path: &'a str,
    pub(crate) stamp: Stamp,
}

/// A symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordedLink<'a> {
    pub(crate) path: &'a str,
    pub(crate) target: &'a str,
}

/// One file of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordedFile<'a> {
    pub(crate) path: &'a str,
    pub(crate) executable: bool,
    pub(crate) stamp: Stamp,
    pub(crate) digest: Digest,
}

impl RecordedFile<'_> {
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

impl PartialEq for TreeRecord {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && self.is_as_written == other.is_as_written
            && self.index == other.index
            && self.is_same_as(other)
    }
}

impl TreeRecord {
    /// Begins the record of a tree in which nothing is yet, with room for so many files.
    pub(crate) fn of_nothing(hash: Digest, files: usize) -> Self {
        Self {
            hash,
            is_as_written: false,
            index: Stamp::NONE,
            text: String::with_capacity(files * PATH),
            directories: Vec::new(),
            links: Vec::new(),
            files: Vec::with_capacity(files),
        }
    }

    /// Makes the record of a tree of which nothing is known but its release: the files that should
    /// be in it, none of which is believed before it was hashed.
    pub(crate) fn unseen(bundle: &VerifiedBundle) -> Self {
        let mut files: Vec<RecordedFile<'_>> = bundle
            .entries()
            .iter()
            .filter_map(|entry| match &entry.kind {
                EntryKind::File {
                    executable, digest, ..
                } => Some(RecordedFile {
                    path: entry.path.as_str(),
                    executable: *executable,
                    stamp: Stamp::NONE,
                    digest: *digest,
                }),
                EntryKind::Directory | EntryKind::Link { .. } => None,
            })
            .collect();
        files.sort_by_key(|file| file.path);
        let mut record = Self::of_nothing(bundle.hash(), files.len());
        for file in files {
            record.add_file(file);
        }
        record
    }

    /// Adds a directory, behind those that are there.
    pub(crate) fn add_directory(&mut self, path: &str, stamp: Stamp) {
        let path = self.add_text(path);
        self.directories.push((path, stamp));
    }

    /// Adds a link, behind those that are there.
    pub(crate) fn add_link(&mut self, path: &str, target: &str) {
        let link = (self.add_text(path), self.add_text(target));
        self.links.push(link);
    }

    /// Adds a file, behind those that are there.
    pub(crate) fn add_file(&mut self, file: RecordedFile<'_>) {
        let path = self.add_text(file.path);
        self.files.push(File {
            path,
            executable: file.executable,
            stamp: file.stamp,
            digest: file.digest,
        });
    }

    fn add_text(&mut self, text: &str) -> Part {
        let start = self.text.len();
        self.text.push_str(text);
        Part::new(start, self.text.len())
    }

    /// Returns all directories.
    pub(crate) fn directories(&self) -> impl ExactSizeIterator<Item = RecordedDirectory<'_>> {
        (0..self.directories.len()).map(|position| self.directory_at(position))
    }

    /// Returns the directory at a position.
    pub(crate) fn directory_at(&self, position: usize) -> RecordedDirectory<'_> {
        let (path, stamp) = self.directories[position];
        RecordedDirectory {
            path: path.of(&self.text),
            stamp,
        }
    }

    /// Returns all links.
    pub(crate) fn links(&self) -> impl ExactSizeIterator<Item = RecordedLink<'_>> {
        (0..self.links.len()).map(|position| self.link_at(position))
    }

    /// Returns the link at a position.
    pub(crate) fn link_at(&self, position: usize) -> RecordedLink<'_> {
        let (path, target) = self.links[position];
        RecordedLink {
            path: path.of(&self.text),
            target: target.of(&self.text),
        }
    }

    /// Returns all files.
    pub(crate) fn files(&self) -> impl ExactSizeIterator<Item = RecordedFile<'_>> {
        (0..self.files.len()).map(|position| self.file(position))
    }

    /// Returns the file at a position.
    pub(crate) fn file(&self, position: usize) -> RecordedFile<'_> {
        let file = &self.files[position];
        RecordedFile {
            path: file.path.of(&self.text),
            executable: file.executable,
            stamp: file.stamp,
            digest: file.digest,
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
        let stamps = directories.map(|(_, stamp)| stamp);
        for stamp in files.chain(stamps).filter(|stamp| stamp.ctime >= now) {
            *stamp = Stamp::NONE;
        }
    }

    /// Tells whether nothing was touched from one look to the other.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.directories().eq(other.directories())
            && self.links().eq(other.links())
            && self.files().eq(other.files())
    }

    /// Forgets the stamp of a directory, where it was put under a path.
    pub(crate) fn forget_directory(&mut self, path: &str) {
        if let Some(position) = self.position_of_directory(path) {
            self.directories[position].1 = Stamp::NONE;
        }
    }

    fn stamps(&self) -> impl Iterator<Item = &Stamp> {
        let directories = self.directories.iter().map(|(_, stamp)| stamp);
        directories.chain(self.files.iter().map(|file| &file.stamp))
    }

    /// Returns the stamp of a directory that was put under a path.
    pub(crate) fn directory(&self, path: &str) -> Option<Stamp> {
        let position = self.position_of_directory(path)?;
        Some(self.directories[position].1)
    }

    fn position_of_directory(&self, path: &str) -> Option<usize> {
        let compared = |(known, _): &(Part, Stamp)| known.of(&self.text).cmp(path);
        self.directories.binary_search_by(compared).ok()
    }

    /// Returns the target of a link that was put under a path.
    pub(crate) fn link(&self, path: &str) -> Option<&str> {
        let compared = |(known, _): &(Part, Part)| known.of(&self.text).cmp(path);
        let position = self.links.binary_search_by(compared).ok()?;
        Some(self.links[position].1.of(&self.text))
    }

    /// Looks files up by their path.
    pub(crate) const fn lookup(&self) -> Lookup<'_> {
        Lookup {
            record: self,
            next: 0,
        }
    }

    /// Returns the file that was put under a path.
    pub(crate) fn get(&self, path: &str) -> Option<RecordedFile<'_>> {
        self.lookup().get(path)
    }

    fn len(&self) -> usize {
        self.directories.len() + self.links.len() + self.files.len()
    }
}

impl Part {
    /// A text of more bytes than a record may have is no path's.
    fn new(start: usize, end: usize) -> Self {
        let place = |position| u32::try_from(position).unwrap_or(u32::MAX);
        Self {
            start: place(start),
            end: place(end),
        }
    }

    fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// Looks files of a record up by their path; in the record's order, each is found where the last
/// one ended.
#[derive(Debug, Clone)]
pub(crate) struct Lookup<'a> {
    record: &'a TreeRecord,
    next: usize,
}

impl<'a> Lookup<'a> {
    /// Returns where a path stands in the record's files.
    pub(crate) fn position(&mut self, path: &str) -> Option<usize> {
        let TreeRecord { text, files, .. } = self.record;
        let is_next = files
            .get(self.next)
            .is_some_and(|file| file.path.of(text) == path);
        let found = if is_next {
            Ok(self.next)
        } else {
            files.binary_search_by(|file| file.path.of(text).cmp(path))
        };
        self.next = found.map_or_else(|after| after, |position| position + 1);
        found.ok()
    }

    /// Returns the file that was put under a path.
    pub(crate) fn get(&mut self, path: &str) -> Option<RecordedFile<'a>> {
        let position = self.position(path)?;
        Some(self.record.file(position))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(super) fn record() -> TreeRecord {
        let mut record = TreeRecord {
            is_as_written: true,
            index: Stamp {
                inode: 8,
                size: 9,
                mtime: 1,
                ctime: 2,
            },
            ..TreeRecord::of_nothing(Digest::of(b"release"), 2)
        };
        record.add_directory("bin", Stamp::NONE);
        record.add_link("bin/run", "an app");
        for (path, content) in [("bin/an app", b"abc"), ("share/text", b"def")] {
            record.add_file(RecordedFile {
                path,
                executable: content == b"abc",
                stamp: Stamp {
                    inode: 7,
                    size: 3,
                    mtime: -1,
                    ctime: 1_700_000_000_123_456_789,
                },
                digest: Digest::of(content),
            });
        }
        record
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
