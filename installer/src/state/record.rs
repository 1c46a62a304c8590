//! The record of a tree: what the installer put there, and the stamp of each file afterwards.
//!
//! ```text
//! bulla-tree 1 <64 hex of the release>
//! d  <inode> <mtime>                          bin
//! f  <x or -> <inode> <size> <mtime> <ctime or -> <sha256>  bin/app
//! l  <target>                                 bin/run
//! end 3
//! ```
//!
//! Fields are separated by tabs, which paths cannot hold; times are nanoseconds. With it a tree is
//! compared in one `stat` per path, and a file of an older release is found by its digest. It is
//! the installer's own note, in a directory that only it may write; `verify` does not believe it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use bulla_schemas::Digest;
use rayon::prelude::*;

use super::error::StateError;
use crate::platform::files::{self, OnPath as _};
use crate::platform::stamp::Stamp;

/// What was put in a tree, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeRecord {
    pub(crate) hash: Digest,
    pub(crate) paths: Vec<RecordedPath>,
}

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedPath {
    pub(crate) path: String,
    pub(crate) kind: Recorded,
}

/// What was put under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// A directory; its mtime changes when a name is added to it or removed.
    Directory { inode: u64, mtime: i128 },
    /// A file.
    File {
        executable: bool,
        stamp: Stamp,
        digest: Digest,
    },
    /// A symbolic link.
    Link { target: String },
}

impl TreeRecord {
    /// Reads the record in `path`; `None` when there is none or it is damaged, since it can
    /// always be made again from the tree's bundle.
    pub(crate) fn read(path: &Path, hash: &Digest) -> Result<Option<Self>, StateError> {
        Ok(files::read(path)?
            .and_then(|bytes| Self::from_text(std::str::from_utf8(&bytes).ok()?))
            .filter(|record| record.hash == *hash))
    }

    /// Writes the record durably.
    pub(crate) fn write(&self, path: &Path) -> Result<(), StateError> {
        Ok(files::write(path, self.to_text().as_bytes())?)
    }

    /// Writes the record; it is durable once its file system is synced.
    pub(crate) fn write_later(&self, path: &Path) -> Result<(), StateError> {
        Ok(std::fs::write(path, self.to_text()).on("write", path)?)
    }

    /// Returns where each content lies, as positions in `paths`; of several the first.
    pub(crate) fn by_digest(&self) -> HashMap<Digest, usize> {
        let mut found = HashMap::with_capacity(self.paths.len());
        for (position, path) in self.paths.iter().enumerate() {
            if let Recorded::File { digest, .. } = &path.kind {
                found.entry(*digest).or_insert(position);
            }
        }
        found
    }

    /// Returns where a path stands in `paths`.
    pub(crate) fn position(&self, path: &str) -> Option<usize> {
        self.paths
            .binary_search_by(|recorded| recorded.path.as_str().cmp(path))
            .ok()
    }

    /// Returns what was put under a path.
    pub(crate) fn get(&self, path: &str) -> Option<&Recorded> {
        self.position(path)
            .map(|position| &self.paths[position].kind)
    }

    /// Tells whether a file with this content stands at a position.
    pub(crate) fn has_content(&self, position: usize, content: &Digest) -> bool {
        matches!(
            &self.paths[position].kind,
            Recorded::File { digest, .. } if digest == content
        )
    }

    /// Tells whether a file with this mode stands at a position, and shares its inode with no
    /// other tree.
    pub(crate) fn is_own(&self, position: usize, wanted: bool) -> bool {
        matches!(
            &self.paths[position].kind,
            Recorded::File { executable, stamp, .. }
                if *executable == wanted && stamp.ctime.is_some()
        )
    }

    fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.paths.len() * 180);
        let _ = writeln!(text, "bulla-tree 1 {}", self.hash.hex());
        for RecordedPath { path, kind } in &self.paths {
            let _ = match kind {
                Recorded::Directory { inode, mtime } => {
                    writeln!(text, "d\t{inode}\t{mtime}\t{path}")
                }
                Recorded::File {
                    executable,
                    stamp,
                    digest,
                } => writeln!(
                    text,
                    "f\t{}\t{}\t{}\t{}\t{}\t{}\t{path}",
                    if *executable { 'x' } else { '-' },
                    stamp.inode,
                    stamp.size,
                    stamp.mtime,
                    Ctime(stamp.ctime),
                    digest.hex(),
                ),
                Recorded::Link { target } => writeln!(text, "l\t{target}\t{path}"),
            };
        }
        let _ = writeln!(text, "end {}", self.paths.len());
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n')?;
        let (first, rest) = text.split_once('\n')?;
        let hash = Digest::from_hex(first.strip_prefix("bulla-tree 1 ")?).ok()?;
        let (lines, end) = rest.rsplit_once('\n').unwrap_or(("", rest));
        let paths = lines
            .par_lines()
            .map(RecordedPath::from_line)
            .collect::<Option<Vec<_>>>()?;
        let complete = end.strip_prefix("end ")?.parse() == Ok(paths.len())
            && paths.is_sorted_by(|left, right| left.path < right.path);
        complete.then_some(Self { hash, paths })
    }
}

impl RecordedPath {
    fn from_line(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let kind = match next()? {
            "d" => Recorded::Directory {
                inode: next()?.parse().ok()?,
                mtime: next()?.parse().ok()?,
            },
            "f" => Recorded::File {
                executable: match next()? {
                    "x" => true,
                    "-" => false,
                    _ => return None,
                },
                stamp: Stamp {
                    inode: next()?.parse().ok()?,
                    size: next()?.parse().ok()?,
                    mtime: next()?.parse().ok()?,
                    ctime: match next()? {
                        "-" => None,
                        ctime => Some(ctime.parse().ok()?),
                    },
                },
                digest: Digest::from_hex(next()?).ok()?,
            },
            "l" => Recorded::Link {
                target: next()?.to_owned(),
            },
            _ => return None,
        };
        let path = next()?.to_owned();
        next().is_none().then_some(Self { path, kind })
    }
}

struct Ctime(Option<i128>);

impl std::fmt::Display for Ctime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(ctime) => write!(formatter, "{ctime}"),
            None => formatter.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> TreeRecord {
        let stamp = Stamp {
            inode: 7,
            size: 3,
            mtime: -1,
            ctime: Some(1_700_000_000_123_456_789),
        };
        let path = |path: &str, kind| RecordedPath {
            path: path.to_owned(),
            kind,
        };
        TreeRecord {
            hash: Digest::of(b"release"),
            paths: vec![
                path("bin", Recorded::Directory { inode: 1, mtime: 2 }),
                path(
                    "bin/an app",
                    Recorded::File {
                        executable: true,
                        stamp,
                        digest: Digest::of(b"abc"),
                    },
                ),
                path(
                    "bin/run",
                    Recorded::Link {
                        target: "an app".to_owned(),
                    },
                ),
            ],
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let text = record().to_text();
        assert_eq!(TreeRecord::from_text(&text), Some(record()));
        let empty = TreeRecord {
            paths: Vec::new(),
            ..record()
        };
        assert_eq!(TreeRecord::from_text(&empty.to_text()), Some(empty));
    }

    #[test]
    fn a_record_cut_anywhere_is_none() {
        let text = record().to_text();
        for end in 0..text.len() {
            assert_eq!(TreeRecord::from_text(&text[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn finds_by_path_and_by_digest() {
        let record = record();
        assert!(matches!(record.get("bin/run"), Some(Recorded::Link { .. })));
        assert_eq!(record.get("bin/none"), None);
        assert_eq!(record.by_digest()[&Digest::of(b"abc")], 1);
        assert!(record.has_content(1, &Digest::of(b"abc")));
        assert!(!record.has_content(0, &Digest::of(b"abc")));
    }
}
