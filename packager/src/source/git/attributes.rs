//! What the commit's own `.gitattributes` files say about its paths.
//!
//! Nothing else is read: not the work tree's files, not `$GIT_DIR/info/attributes`, not those of
//! the user or the system, which differ from one clone to the next.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use gix::attrs::search::{MetadataCollection, Outcome};
use gix::attrs::{Search, StateRef};
use gix::bstr::{BStr, ByteSlice as _};
use gix::glob::pattern::Case;

/// The name of the files.
pub(super) const FILE: &[u8] = b".gitattributes";

/// From this size on git ignores a file (`ATTR_MAX_FILE_SIZE` in `attr.h`).
pub(super) const MAX_LEN: u64 = 100 * 1024 * 1024;

/// From this length on git ignores a line (`ATTR_MAX_LINE_LENGTH`).
const LONGEST_LINE: usize = 2048;

/// The attributes that say what a release gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// `export-ignore`: left out, with all that is below.
    pub(super) ignored: bool,
    /// `export-subst`: `$Format:...$` is filled in.
    pub(super) substituted: bool,
    /// `filter=lfs`: a pointer stands for the content.
    pub(super) large: bool,
}

/// All `.gitattributes` files of one commit.
pub(super) struct Attributes {
    /// For each directory that has such a file, it and those above, the top's first.
    searches: HashMap<Vec<u8>, Search>,
    names: MetadataCollection,
}

impl Attributes {
    const NAMES: [&str; 3] = ["export-ignore", "export-subst", "filter"];

    /// Reads `files`, each a directory and the content of the file in it. None when there are no
    /// files.
    pub(super) fn read(mut files: Vec<(Vec<u8>, Vec<u8>)>) -> io::Result<Option<Self>> {
        if files.is_empty() {
            return Ok(None);
        }
        // A directory comes after those above it.
        files.sort();
        let mut attributes = Self {
            searches: HashMap::new(),
            names: MetadataCollection::default(),
        };
        for (directory, content) in files {
            let mut search = match parent(&directory) {
                Some(above) => attributes.search(above).cloned().unwrap_or_default(),
                None => Search::default(),
            };
            let place = gix::path::from_byte_slice(&directory).map_err(io::Error::other)?;
            let root = Path::new("/");
            let source: PathBuf = root.join(place).join(".gitattributes");
            search.add_patterns_buffer(
                &as_git_reads(&content),
                source,
                Some(root),
                &mut attributes.names,
                directory.is_empty(),
            )?;
            attributes.searches.insert(directory, search);
        }
        Ok(Some(attributes))
    }

    /// Returns the files that count in `directory`: those in it and above.
    fn search(&self, directory: &[u8]) -> Option<&Search> {
        let mut directory = Some(directory);
        while let Some(here) = directory {
            if let Some(search) = self.searches.get(here) {
                return Some(search);
            }
            directory = parent(here);
        }
        None
    }

    /// Returns a reader that remembers what it found out about directories.
    pub(super) fn judge(&self) -> AttributesJudge<'_> {
        let mut outcome = Outcome::default();
        outcome.initialize_with_selection(&self.names, Self::NAMES);
        AttributesJudge {
            attributes: self,
            outcome,
            directories: HashMap::new(),
        }
    }
}

/// Returns what `git archive` reads of a file: up to a NUL, without lines that are too long, and with
/// a byte order mark as a part of the first pattern (`read_attr_from_buf` in `attr.c`).
fn as_git_reads(content: &[u8]) -> Vec<u8> {
    let end = content.find_byte(0).unwrap_or(content.len());
    let mut text = Vec::with_capacity(end + 1);
    // Only at the beginning a byte order mark would be skipped.
    text.push(b'\n');
    for line in content[..end].split_inclusive(|byte| *byte == b'\n') {
        let length = line.strip_suffix(b"\n").unwrap_or(line).len();
        if length < LONGEST_LINE {
            text.extend_from_slice(line);
        }
    }
    text
}

/// Judges many paths of one commit.
pub(super) struct AttributesJudge<'a> {
    attributes: &'a Attributes,
    outcome: Outcome,
    /// Whether a directory is left out.
    directories: HashMap<Vec<u8>, bool>,
}

impl AttributesJudge<'_> {
    /// Returns what is said about `path` and the directories that it lies in.
    pub(super) fn marks(&mut self, path: &[u8], is_directory: bool) -> Marks {
        let ignored_above = parent(path)
            .filter(|above| !above.is_empty())
            .is_some_and(|above| self.ignores_directory(above));
        let mut marks = self.own_marks(path, is_directory);
        marks.ignored |= ignored_above;
        marks
    }

    /// Tells whether `directory` is left out, or one above it.
    pub(super) fn ignores_directory(&mut self, directory: &[u8]) -> bool {
        if let Some(ignored) = self.directories.get(directory) {
            return *ignored;
        }
        let ignored = self.marks(directory, true).ignored;
        self.directories.insert(directory.to_owned(), ignored);
        ignored
    }

    fn own_marks(&mut self, path: &[u8], is_directory: bool) -> Marks {
        let mut marks = Marks::default();
        let Some(search) = self.attributes.search(parent(path).unwrap_or_default()) else {
            return marks;
        };
        self.outcome.reset();
        search.pattern_matching_relative_path(
            BStr::new(path),
            Case::Sensitive,
            Some(is_directory),
            &mut self.outcome,
        );
        for found in self.outcome.iter_selected() {
            let state = found.assignment.state;
            match found.assignment.name.as_str() {
                "export-ignore" => marks.ignored = state == StateRef::Set,
                "export-subst" => marks.substituted = state == StateRef::Set,
                "filter" => {
                    marks.large =
                        matches!(state, StateRef::Value(value) if value.as_bstr() == "lfs");
                }
                _ => {}
            }
        }
        marks
    }
}

/// Returns the directory that holds `path`, the empty one for what lies at the top.
fn parent(path: &[u8]) -> Option<&[u8]> {
    if path.is_empty() {
        return None;
    }
    Some(path.rfind_byte(b'/').map_or(&[][..], |end| &path[..end]))
}
