//! Compares a tree with what its release has. The stamps of the record are hints: a file whose
//! stamp matches is what it was, and every other one is hashed against the index. Without hints
//! everything is hashed. All commands ask here, so that they say the same.

mod difference;
mod mode;
mod path;
mod untouched;

use std::collections::HashSet;
use std::io;
use std::path::Path;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use rayon::prelude::*;
use rustix::fs::DirEntry;

use super::descent::Descent;
use super::expected::{Expected, ExpectedKind, expected, recorded};
use crate::platform::directory::entries;
use crate::platform::files::{Attempt as _, FileError};
use crate::platform::mounts;
use crate::platform::stamp::Stamp;
use crate::state::record::{RecordedFile, TreeRecord};

pub(crate) use difference::in_words;
pub use difference::{Difference, DifferenceKind};
pub(crate) use mode::executable_bits;
use mode::is_executable;
use path::Found;
pub(crate) use untouched::{is_untouched, look_over};

/// What a comparison found.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// What is not as the release has it, sorted by path.
    pub(crate) differences: Vec<Difference>,
    /// The record of the tree as it is now; what differs has no stamp.
    pub(crate) record: TreeRecord,
    /// Where something is mounted in the tree. What that covers is not compared.
    pub(crate) mounted: Vec<String>,
    /// Programs that some of those who may read them may not execute.
    pub(crate) not_executable: Vec<String>,
}

/// Compares a tree with its bundle's index. What cannot be read is a difference too, so that one
/// bad sector does not hide the rest.
pub(crate) fn compare(
    bundle: &VerifiedBundle,
    tree: &Path,
    hints: Option<&TreeRecord>,
) -> Result<Comparison, FileError> {
    let expected = expected(bundle.entries(), &bundle.release().install);
    compare_with(bundle.hash(), &expected, tree, hints)
}

/// Compares a tree with what was recorded of it.
pub(crate) fn compare_with_record(
    record: &TreeRecord,
    tree: &Path,
) -> Result<Comparison, FileError> {
    compare_with(record.hash, &recorded(record), tree, Some(record))
}

fn compare_with(
    hash: Digest,
    expected: &[Expected<'_>],
    tree: &Path,
    hints: Option<&TreeRecord>,
) -> Result<Comparison, FileError> {
    // Opened once here, so that a tree that is gone is an error and not thousands of paths.
    Descent::open(tree).attempt("open", tree)?;
    let found: Vec<Vec<Found>> = expected
        .par_chunks(256)
        .map(|paths| look_at(paths, tree, hints))
        .collect();
    let mounted = mounts::below(tree);
    let mut record = TreeRecord::of_nothing(hash, expected.len());
    record.index = hints.map_or(Stamp::NONE, |record| record.index);
    let mut comparison = Comparison {
        differences: Vec::new(),
        mounted: mounted
            .iter()
            .map(|point| point.display().to_string())
            .collect(),
        record,
        not_executable: Vec::new(),
    };
    for (expected, found) in expected.iter().zip(found.into_iter().flatten()) {
        comparison.take(expected, &found);
    }
    // After the directories' stamps were taken: what is added from now on changes those.
    let mut added = added(expected, tree)?;
    // A directory that was made to mount something in it.
    added.retain(|added| !mounted.iter().any(|point| point.starts_with(&added.path)));
    for added in &added {
        let above = added.path.rsplit_once('/').map_or("", |(above, _)| above);
        // So that it is listed the next time.
        comparison.record.forget_directory(above);
    }
    comparison.differences.extend(added);
    comparison.differences.sort();
    Ok(comparison)
}

impl Comparison {
    /// Tells whether the tree is what was installed, with nothing mounted in it.
    pub(crate) const fn is_intact(&self) -> bool {
        self.differences.is_empty() && self.mounted.is_empty()
    }

    fn take(&mut self, expected: &Expected<'_>, found: &Found) {
        let path = expected.path.as_ref();
        let (stamp, mode) = match found {
            Found::AsExpected { stamp } => (*stamp, 0),
            Found::File { stamp, mode } => (*stamp, *mode),
            Found::Hidden => (Stamp::NONE, 0),
            Found::Different(difference) => {
                self.differences.push(Difference {
                    path: path.to_owned(),
                    difference: *difference,
                });
                (Stamp::NONE, 0)
            }
        };
        match &expected.kind {
            ExpectedKind::Directory => self.record.add_directory(path, stamp),
            ExpectedKind::Link { target } => self.record.add_link(path, target),
            ExpectedKind::File {
                executable, digest, ..
            } => {
                if *executable && !is_executable(mode) {
                    self.not_executable.push(path.to_owned());
                }
                self.record.add_file(RecordedFile {
                    path,
                    executable: *executable,
                    stamp,
                    digest: *digest,
                });
            }
        }
    }
}

fn look_at(paths: &[Expected<'_>], tree: &Path, hints: Option<&TreeRecord>) -> Vec<Found> {
    let mut descent = Descent::open(tree);
    let mut buffer = Vec::new();
    let mut hints = hints.map(TreeRecord::lookup);
    paths
        .iter()
        .map(|expected| match &mut descent {
            Ok(descent) => {
                let hint = hints.as_mut().and_then(|hints| hints.get(&expected.path));
                path::look(descent, expected, hint, &mut buffer)
            }
            Err(_) => Found::Different(DifferenceKind::Unreadable),
        })
        .collect()
}

/// Finds what is there and should not be. An added directory is one difference, whatever it holds.
fn added(expected: &[Expected<'_>], tree: &Path) -> Result<Vec<Difference>, FileError> {
    let known: HashSet<&str> = expected
        .iter()
        .map(|expected| expected.path.as_ref())
        .collect();
    let mut descent = Descent::open(tree).attempt("open", tree)?;
    let mut differences = Vec::new();
    let directories = expected
        .iter()
        .filter(|expected| matches!(expected.kind, ExpectedKind::Directory))
        .map(|expected| expected.path.as_ref());
    for directory in [""].into_iter().chain(directories) {
        // What is missing or not a directory is found when the path itself is compared.
        let Ok(names) = names(&mut descent, directory) else {
            continue;
        };
        for name in names {
            let path = match directory {
                "" => name,
                directory => format!("{directory}/{name}"),
            };
            if !known.contains(path.as_str()) {
                differences.push(Difference {
                    path,
                    difference: DifferenceKind::Added,
                });
            }
        }
    }
    Ok(differences)
}

fn names(descent: &mut Descent, directory: &str) -> io::Result<Vec<String>> {
    let name = |entry: DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries(descent.go(directory)?)?
        .map(|entry| entry.map(name))
        .collect()
}
