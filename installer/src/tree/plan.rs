//! Where the content of each file of a new tree comes from, decided before anything is written:
//! a tree of an older release on this disk, or the payload.

use std::collections::HashMap;
use std::path::PathBuf;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use rayon::prelude::*;

use super::descent::Descent;
use super::expected::{Expected, ExpectedKind, expected};
use super::space::Need;
use crate::platform::stamp::{self, Stamp};
use crate::state::record::{Recorded, TreeRecord};

/// The tree of a release on this disk, as it was put there.
#[derive(Debug)]
pub(crate) struct LocalTree {
    pub(crate) path: PathBuf,
    pub(crate) record: TreeRecord,
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

/// Where a content comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The payload's frames, or nowhere for an empty file.
    Payload,
    /// A file of another tree: which tree, and which of its recorded paths.
    Tree { tree: usize, recorded: usize },
    /// It is already there, in a tree that is being recycled.
    InPlace,
}

/// Plans the tree of a bundle. Trees are searched in their order; `recycled` will become the new
/// tree; from the live tree `previous` an unchanged file keeps its time.
pub(crate) fn plan<'a>(
    bundle: &'a VerifiedBundle,
    trees: &[LocalTree],
    recycled: Option<&LocalTree>,
    previous: Option<&TreeRecord>,
) -> Plan<'a> {
    let release = bundle.release();
    let committed = i128::from(release.source.committed().as_seconds()) * 1_000_000_000;
    let expected = expected(bundle.entries(), &release.install);
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
                mtime: previous
                    .and_then(|record| unchanged(record, &path.path, &digest))
                    .unwrap_or(committed),
                origin: Origin::Payload,
            }),
            ExpectedKind::Directory | ExpectedKind::Link { .. } => None,
        })
        .collect();
    if let Some(recycled) = recycled {
        find_in_place(&expected, &mut files, recycled);
    }
    find_local(&expected, &mut files, trees);
    let frames = frames(bundle, &files);
    Plan {
        expected,
        files,
        frames,
    }
}

impl Plan<'_> {
    /// Returns how many files stay where they are in a recycled tree.
    pub(crate) fn in_place(&self) -> u64 {
        let in_place = |file: &&PlannedFile| file.origin == Origin::InPlace;
        self.files.iter().filter(in_place).count() as u64
    }

    /// Returns how many bytes are to be written.
    pub(crate) fn bytes(&self) -> u64 {
        self.files
            .iter()
            .filter(|file| file.origin != Origin::InPlace)
            .map(|file| file.size)
            .sum()
    }

    /// Returns what the tree needs; `shares` says whether files of other trees cost no space.
    pub(crate) fn need(&self, shares: bool) -> Need {
        let mut need = Need::default();
        let written = self.files.iter().filter(|file| match file.origin {
            Origin::Payload => true,
            Origin::Tree { .. } => !shares,
            Origin::InPlace => false,
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

/// Returns the time of a file that has the same content in the live tree.
fn unchanged(record: &TreeRecord, path: &str, content: &Digest) -> Option<i128> {
    match record.get(path) {
        Some(Recorded::File { stamp, digest, .. }) if digest == content => Some(stamp.mtime),
        _ => None,
    }
}

/// Finds files that can stay where they are in a tree that is recycled.
fn find_in_place(expected: &[Expected<'_>], files: &mut [PlannedFile], tree: &LocalTree) {
    let record = &tree.record;
    files.par_chunks_mut(256).for_each(|files| {
        let Ok(mut descent) = Descent::open(&tree.path) else {
            return;
        };
        for file in files {
            let path = &expected[file.expected].path;
            if let Some(recorded) = record.position(path)
                && record.has_content(recorded, &file.digest)
                && record.is_own(recorded, file.executable)
                && is_untouched(&mut descent, record, recorded)
            {
                file.origin = Origin::InPlace;
            }
        }
    });
}

/// Finds contents in other trees, of which only files count that nobody touched since.
fn find_local(expected: &[Expected<'_>], files: &mut [PlannedFile], trees: &[LocalTree]) {
    let by_digest: Vec<HashMap<Digest, usize>> = trees
        .par_iter()
        .map(|tree| tree.record.by_digest())
        .collect();
    files.par_chunks_mut(256).for_each(|files| {
        let mut descents: Vec<_> = trees
            .iter()
            .map(|tree| Descent::open(&tree.path).ok())
            .collect();
        let missing = |file: &&mut PlannedFile| file.size > 0 && file.origin == Origin::Payload;
        for file in files.iter_mut().filter(missing) {
            let path = &expected[file.expected].path;
            let found = trees.iter().enumerate().find_map(|(position, tree)| {
                // The same path first: then reading goes through the other tree in order.
                let recorded = tree
                    .record
                    .position(path)
                    .filter(|recorded| tree.record.has_content(*recorded, &file.digest))
                    .or_else(|| by_digest[position].get(&file.digest).copied())?;
                let descent = descents[position].as_mut()?;
                is_untouched(descent, &tree.record, recorded).then_some(Origin::Tree {
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

fn is_untouched(descent: &mut Descent, record: &TreeRecord, recorded: usize) -> bool {
    let path = &record.paths[recorded];
    let Recorded::File { stamp, .. } = &path.kind else {
        return false;
    };
    let found = descent
        .parent_of(&path.path)
        .and_then(|(directory, name)| stamp::look(directory, name));
    matches!(found, Ok(Some(stat)) if stamp.matches(&Stamp::from_stat(&stat)))
}

fn frames(bundle: &VerifiedBundle, files: &[PlannedFile]) -> Vec<usize> {
    let mut needed = vec![false; bundle.payload_frames().len()];
    for file in files {
        if file.origin == Origin::Payload && file.size > 0 {
            let content = bundle.layout()[file.entry].content.clone();
            needed[bundle.frames_of(content)].fill(true);
        }
    }
    (0..needed.len())
        .filter(|position| needed[*position])
        .collect()
}
