//! Compares a tree with what its release has. The stamps of the record are hints: a file whose
//! stamp matches is what it was, and every other one is hashed against the index. Without hints
//! everything is hashed. There is no other comparison, so that all commands say the same.

mod difference;
mod path;

use std::collections::HashSet;
use std::io;
use std::path::Path;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::path::RELEASE_FILE;
use rayon::prelude::*;
use rustix::fs::Dir;

use super::descent::Descent;
use super::expected::{Expected, ExpectedKind, expected};
use crate::platform::files::{FileError, OnPath as _};
use crate::platform::mounts;
use crate::platform::stamp::Stamp;
use crate::state::record::{RecordedFile, TreeRecord};

pub(crate) use difference::in_words;
pub use difference::{Difference, DifferenceKind};
use path::Found;

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
    let mounted = mounts::below(tree);
    let mut differences = added(&expected, tree)?;
    // A directory that was made to mount something in it.
    differences.retain(|added| !mounted.iter().any(|point| point.starts_with(&added.path)));
    let compared: Vec<Vec<Compared>> = expected
        .par_chunks(256)
        .map(|paths| compare_paths(paths, tree, hints))
        .collect();
    let mut comparison = Comparison {
        differences: Vec::new(),
        mounted: mounted
            .iter()
            .map(|point| point.display().to_string())
            .collect(),
        record: TreeRecord {
            hash: bundle.hash(),
            files: Vec::with_capacity(expected.len()),
        },
        not_executable: Vec::new(),
    };
    for compared in compared.into_iter().flatten() {
        differences.extend(compared.difference.map(|difference| Difference {
            path: compared.path.to_owned(),
            difference,
        }));
        if compared.is_not_executable {
            comparison.not_executable.push(compared.path.to_owned());
        }
        comparison.record.files.extend(compared.file);
    }
    differences.sort();
    comparison.differences = differences;
    Ok(comparison)
}

struct Compared<'a> {
    path: &'a str,
    difference: Option<DifferenceKind>,
    file: Option<RecordedFile>,
    is_not_executable: bool,
}

fn compare_paths<'a>(
    paths: &'a [Expected<'_>],
    tree: &Path,
    hints: Option<&TreeRecord>,
) -> Vec<Compared<'a>> {
    let mut descent = Descent::open(tree);
    let mut buffer = Vec::new();
    paths
        .iter()
        .map(|expected| {
            let path: &str = &expected.path;
            let found = match &mut descent {
                Ok(descent) => {
                    let hint = hints.and_then(|record| record.get(path));
                    path::look(descent, expected, hint, &mut buffer)
                }
                Err(_) => Found::Different(DifferenceKind::Unreadable),
            };
            let (stamp, mode, difference) = match found {
                Found::AsExpected => (Stamp::NONE, 0, None),
                Found::File { stamp, mode } => (stamp, mode, None),
                Found::Different(difference) => (Stamp::NONE, 0, Some(difference)),
            };
            let (file, executable) = match &expected.kind {
                ExpectedKind::File {
                    executable, digest, ..
                } => {
                    let file = RecordedFile {
                        path: path.to_owned(),
                        executable: *executable,
                        stamp,
                        digest: *digest,
                    };
                    (Some(file), *executable)
                }
                ExpectedKind::Directory | ExpectedKind::Link { .. } => (None, false),
            };
            Compared {
                path,
                difference,
                file,
                is_not_executable: executable && mode | executable_bits(mode) != mode,
            }
        })
        .collect()
}

/// Returns the bits by which those who may read a file may execute it too.
pub(crate) const fn executable_bits(mode: u32) -> u32 {
    (mode & 0o444) >> 2
}

/// Finds what is there and should not be. An added directory is one difference, whatever it holds.
fn added(expected: &[Expected<'_>], tree: &Path) -> Result<Vec<Difference>, FileError> {
    let known: HashSet<&str> = expected
        .iter()
        .map(|expected| expected.path.as_ref())
        .collect();
    // Opened once here, so that a tree that is gone is an error and not thousands of paths.
    let mut descent = Descent::open(tree).on("open", tree)?;
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
            if path != RELEASE_FILE && !known.contains(path.as_str()) {
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
    let mut names = Vec::new();
    for entry in Dir::read_from(descent.go(directory)?)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
