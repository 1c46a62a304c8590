//! Where the content of each file of a new tree comes from, decided before anything is written:
//! a tree of an older release on this disk, or the payload.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use rayon::prelude::*;
use rustix::fs::FileType;

use super::descent::Descent;
use super::expected::{Expected, ExpectedKind, expected};
use super::share;
use super::space::Need;
use crate::platform::directory;
use crate::platform::seen::{self, Seen};
use crate::platform::stamp::Stamp;
use crate::state::record::{RecordedFile, TreeRecord};

/// The tree of a release on this disk, as it was put there.
#[derive(Debug)]
pub(crate) struct LocalTree {
    pub(crate) path: PathBuf,
    pub(crate) record: Arc<TreeRecord>,
}

impl LocalTree {
    /// A tree that was not looked at yet; `None` where there is none, or something is mounted on it.
    pub(crate) fn find(path: PathBuf, record: TreeRecord) -> Option<Self> {
        directory::open_top(&path).ok()?;
        Some(Self {
            path,
            record: Arc::new(record),
        })
    }
}

/// What is to be written, and where it comes from.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// Every path of the tree, sorted.
    pub(crate) expected: Vec<Expected<'a>>,
    /// The files among them, in the same order.
    pub(crate) files: Vec<PlannedFile>,
    /// The frames of the payload that hold something of which no other copy is on this disk.
    pub(crate) frames: Vec<usize>,
}

/// One file, and where its content comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlannedFile {
    /// Its position in [`Plan::expected`].
    pub(crate) expected: usize,
    /// Its position in the index.
    pub(crate) entry: usize,
    pub(crate) executable: bool,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    /// The time that it gets, in nanoseconds since 1970.
    pub(crate) mtime: i128,
    pub(crate) origin: Origin,
}

impl PlannedFile {
    /// Tells whether it is already there.
    pub(crate) const fn is_in_place(&self) -> bool {
        matches!(self.origin, Origin::InPlace { .. })
    }

    /// Tells whether it comes from the payload.
    const fn is_fetched(&self) -> bool {
        matches!(self.origin, Origin::Payload) && self.size > 0
    }
}

/// Where a content comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The payload's frames, or nowhere for an empty file.
    Payload,
    /// A file of another tree: which tree, and which of its recorded paths.
    Tree { tree: usize, recorded: usize },
    /// It is already there, in a tree that is being recycled: which of its recorded paths.
    InPlace { recorded: usize },
}

/// The trees on this disk that a new one may be made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local<'a> {
    /// They are searched in their order, and stay as they are.
    pub(crate) trees: &'a [LocalTree],
    /// It becomes the new tree.
    pub(crate) recycled: Option<&'a LocalTree>,
    /// The live one: a file that is the same there keeps its time.
    pub(crate) live: Option<&'a TreeRecord>,
}

/// Plans the tree of a bundle. A file of another tree counts when nothing touched it since its
/// record was made, or else when its content has the right digest now. Once a tree is recycled
/// there is no way back, so then every content is hashed before.
pub(crate) fn plan<'a>(bundle: &'a VerifiedBundle, local: Local<'_>) -> Plan<'a> {
    let release = bundle.release();
    let committed = i128::from(release.source.committed().as_seconds()) * 1_000_000_000;
    let expected = expected(bundle.entries(), &release.install);
    let mut live = local.live.map(TreeRecord::lookup);
    let mut files: Vec<PlannedFile> = expected
        .iter()
        .enumerate()
        .filter_map(|(position, path)| match path.kind {
            ExpectedKind::File {
                entry,
                executable,
                size,
                digest,
            } => Some(PlannedFile {
                expected: position,
                entry,
                executable,
                size,
                digest,
                mtime: live
                    .as_mut()
                    .and_then(|live| unchanged(live.get(&path.path)?, &digest))
                    .unwrap_or(committed),
                origin: Origin::Payload,
            }),
            ExpectedKind::Directory | ExpectedKind::Link { .. } => None,
        })
        .collect();
    if let Some(recycled) = local.recycled {
        find_in_place(&expected, &mut files, recycled);
    }
    find_local(&expected, &mut files, local.trees, local.recycled.is_some());
    let frames = frames_of(bundle, files.iter().filter(|file| file.is_fetched()));
    Plan {
        expected,
        files,
        frames,
    }
}

impl Plan<'_> {
    /// Returns how many files stay where they are in a recycled tree.
    pub(crate) fn in_place(&self) -> u64 {
        self.files.iter().filter(|file| file.is_in_place()).count() as u64
    }

    /// Returns the paths of the files that come from the payload.
    pub(crate) fn fetched_paths(&self) -> Vec<String> {
        let positions = (0..self.files.len()).filter(|position| self.files[*position].is_fetched());
        self.paths_of(&positions.collect::<Vec<_>>())
    }

    /// Returns how many bytes of files come from the payload.
    pub(crate) fn fetched_bytes(&self) -> u64 {
        let fetched = self.files.iter().filter(|file| file.is_fetched());
        fetched.map(|file| file.size).sum()
    }

    /// Returns the contents that come from the payload.
    pub(crate) fn fetched_contents(&self) -> HashSet<Digest> {
        contents(self.files.iter().filter(|file| file.is_fetched()))
    }

    /// Returns the paths of files by their positions.
    pub(crate) fn paths_of(&self, files: &[usize]) -> Vec<String> {
        files
            .iter()
            .map(|file| &self.expected[self.files[*file].expected])
            .map(|expected| expected.path.clone().into_owned())
            .collect()
    }

    /// Returns the frames that hold the content of files, wherever they were planned to come from.
    pub(crate) fn frames_of(&self, bundle: &VerifiedBundle, files: &[usize]) -> Vec<usize> {
        frames_of(bundle, files.iter().map(|file| &self.files[*file]))
    }

    /// Returns how many bytes are to be written.
    pub(crate) fn bytes(&self) -> u64 {
        self.files
            .iter()
            .filter(|file| !file.is_in_place())
            .map(|file| file.size)
            .sum()
    }

    /// Returns what the tree needs; `shares` says whether files of other trees cost no space.
    pub(crate) fn need(&self, shares: bool) -> Need {
        let mut need = Need::default();
        let written = self.files.iter().filter(|file| match file.origin {
            Origin::Payload => true,
            Origin::Tree { .. } => !shares,
            Origin::InPlace { .. } => false,
        });
        for file in written {
            need.add(file.size);
        }
        for path in &self.expected {
            if !matches!(path.kind, ExpectedKind::File { .. }) {
                need.add(1);
            }
        }
        need
    }
}

/// Returns the time of a file of the live tree that has the same content.
fn unchanged(file: RecordedFile<'_>, content: &Digest) -> Option<i128> {
    (file.digest == *content && file.stamp != Stamp::NONE).then_some(file.stamp.mtime)
}

/// Finds files that can stay where they are in a tree that is recycled, if that is untouched.
fn find_in_place(expected: &[Expected<'_>], files: &mut [PlannedFile], tree: &LocalTree) {
    files.par_chunks_mut(256).for_each(|files| {
        let mut lookup = tree.record.lookup();
        for file in files {
            let path = &expected[file.expected].path;
            if let Some(position) = lookup.position(path)
                && let recorded = tree.record.file(position)
                && recorded.digest == file.digest
                && recorded.executable == file.executable
            {
                file.origin = Origin::InPlace { recorded: position };
            }
        }
    });
}

/// Finds contents in other trees.
fn find_local(
    expected: &[Expected<'_>],
    files: &mut [PlannedFile],
    trees: &[LocalTree],
    hash_all: bool,
) {
    let wanted = contents(files.iter().filter(|file| file.is_fetched()));
    let by_digest: Vec<HashMap<Digest, usize>> = trees
        .par_iter()
        .map(|tree| tree.record.find(&wanted))
        .collect();
    files.par_chunks_mut(256).for_each(|files| {
        let mut descents: Vec<_> = trees
            .iter()
            .map(|tree| Descent::open(&tree.path).ok())
            .collect();
        let mut lookups: Vec<_> = trees.iter().map(|tree| tree.record.lookup()).collect();
        let mut buffer = Vec::new();
        for file in files.iter_mut().filter(|file| file.is_fetched()) {
            let path = &expected[file.expected].path;
            let found = trees.iter().enumerate().find_map(|(position, tree)| {
                let record = &tree.record;
                // The same path first: then reading goes through the other tree in order.
                let same_path = lookups[position]
                    .position(path)
                    .filter(|recorded| record.file(*recorded).digest == file.digest);
                let elsewhere = by_digest[position].get(&file.digest).copied();
                let descent = descents[position].as_mut()?;
                [
                    same_path,
                    elsewhere.filter(|found| Some(*found) != same_path),
                ]
                .into_iter()
                .flatten()
                .find(|recorded| {
                    has_content(descent, record.file(*recorded), file, hash_all, &mut buffer)
                })
                .map(|recorded| Origin::Tree {
                    tree: position,
                    recorded,
                })
            });
            if let Some(origin) = found {
                file.origin = origin;
            }
        }
    });
}

fn contents<'a>(files: impl Iterator<Item = &'a PlannedFile>) -> HashSet<Digest> {
    files.map(|file| file.digest).collect()
}

/// Tells whether a file of another tree has the wanted content.
fn has_content(
    descent: &mut Descent,
    recorded: RecordedFile<'_>,
    wanted: &PlannedFile,
    hash: bool,
    buffer: &mut Vec<u8>,
) -> bool {
    let Ok(seen) = look(descent, recorded.path) else {
        return false;
    };
    if seen.kind != FileType::RegularFile || seen.stamp.size != wanted.size {
        return false;
    }
    if !hash && recorded.stamp == seen.stamp {
        return true;
    }
    descent
        .parent_of(recorded.path)
        .and_then(|(directory, name)| share::open_source(directory, name))
        .and_then(|file| share::hash(&file, wanted.size, buffer, |_, _| Ok(())))
        .is_ok_and(|digest| digest == wanted.digest)
}

fn look(descent: &mut Descent, path: &str) -> io::Result<Seen> {
    let (directory, name) = descent.parent_of(path)?;
    seen::look(directory, name)
}

/// Returns the frames of the payload that hold the content of files.
fn frames_of<'a>(
    bundle: &VerifiedBundle,
    files: impl IntoIterator<Item = &'a PlannedFile>,
) -> Vec<usize> {
    let mut needed = vec![false; bundle.payload_frames().len()];
    for file in files {
        let content = bundle.layout()[file.entry].content.clone();
        needed[bundle.frames_of(content)].fill(true);
    }
    (0..needed.len())
        .filter(|position| needed[*position])
        .collect()
}
