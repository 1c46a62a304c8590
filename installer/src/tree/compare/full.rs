//! The full comparison: everything that lies in a tree, against everything that should.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use bulla_schemas::path::RELEASE_FILE;
use rayon::prelude::*;
use rustix::fs::{Dir, FileType, Stat, readlinkat};

use super::difference::{Difference, DifferenceKind};
use crate::platform::files::{FileError, OnPath as _};
use crate::platform::stamp;
use crate::tree::descent::Descent;
use crate::tree::expected::{Expected, ExpectedKind, expected};
use crate::tree::note::ReleaseNote;
use crate::tree::share;

const DIRECTORY_MODE: u32 = 0o555;

/// Compares a tree with its bundle's index, and returns what differs, sorted by path. What cannot
/// be read is a difference too, so that one bad sector does not hide the rest.
pub(crate) fn compare(bundle: &VerifiedBundle, tree: &Path) -> Result<Vec<Difference>, FileError> {
    let expected = expected(bundle.entries(), &bundle.release().install);
    let mut differences = extra(&expected, tree)?;
    differences.par_extend(expected.par_chunks(128).flat_map_iter(|paths| {
        let mut descent = Descent::open(tree).ok();
        let mut buffer = Vec::new();
        paths.iter().filter_map(move |expected| {
            let found = match descent.as_mut() {
                Some(descent) => compare_path(descent, expected, &mut buffer),
                None => Some(DifferenceKind::Unreadable),
            };
            found.map(|difference| Difference {
                path: expected.path.clone().into_owned(),
                difference,
            })
        })
    }));
    differences.extend(compare_note(tree, &bundle.hash()));
    differences.sort();
    Ok(differences)
}

fn compare_path(
    descent: &mut Descent,
    expected: &Expected<'_>,
    buffer: &mut Vec<u8>,
) -> Option<DifferenceKind> {
    let (directory, name) = match descent.parent_of(&expected.path) {
        Ok(found) => found,
        // The directory above is missing, or no directory: that is reported for itself.
        Err(error) => return Some(from_error(&error)),
    };
    let stat = match stamp::look(directory, name) {
        Ok(Some(stat)) => stat,
        Ok(None) => return Some(DifferenceKind::Missing),
        Err(error) => return Some(from_error(&error)),
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    match &expected.kind {
        ExpectedKind::Directory if kind == FileType::Directory => {
            (permissions(&stat) != DIRECTORY_MODE).then_some(DifferenceKind::Mode)
        }
        ExpectedKind::Link { target } if kind == FileType::Symlink => {
            match readlinkat(directory, name, Vec::new()) {
                Ok(found) if found.as_bytes() == target.as_bytes() => None,
                Ok(_) => Some(DifferenceKind::Target),
                Err(_) => Some(DifferenceKind::Unreadable),
            }
        }
        ExpectedKind::File {
            executable,
            size,
            digest,
            ..
        } if kind == FileType::RegularFile => {
            if u64::try_from(stat.st_size) != Ok(*size) {
                return Some(DifferenceKind::Changed);
            }
            let found = share::open_source(directory, name)
                .and_then(|file| share::hash(&file, *size, buffer, |_, _| Ok(())));
            match found {
                Err(_) => Some(DifferenceKind::Unreadable),
                Ok(found) if found != *digest => Some(DifferenceKind::Changed),
                Ok(_) => {
                    let mode = if *executable { 0o555 } else { 0o444 };
                    (permissions(&stat) != mode).then_some(DifferenceKind::Mode)
                }
            }
        }
        ExpectedKind::Directory | ExpectedKind::Link { .. } | ExpectedKind::File { .. } => {
            Some(DifferenceKind::Kind)
        }
    }
}

fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

fn from_error(error: &io::Error) -> DifferenceKind {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DifferenceKind::Missing,
        _ => DifferenceKind::Unreadable,
    }
}

/// Finds what is there and should not be. An extra directory is one difference, whatever it holds.
fn extra(expected: &[Expected<'_>], tree: &Path) -> Result<Vec<Difference>, FileError> {
    let known: BTreeMap<&str, bool> = expected
        .iter()
        .map(|expected| {
            let is_directory = matches!(expected.kind, ExpectedKind::Directory);
            (expected.path.as_ref(), is_directory)
        })
        .collect();
    let mut differences = Vec::new();
    let mut descent = Descent::open(tree).on("open", tree)?;
    let directories = known.iter().filter(|(_, is_directory)| **is_directory);
    for directory in [""].into_iter().chain(directories.map(|(path, _)| *path)) {
        // What is missing or no directory is found when the path itself is compared.
        let Ok(names) = names(&mut descent, directory) else {
            continue;
        };
        for name in names {
            let path = match directory {
                "" => name,
                directory => format!("{directory}/{name}"),
            };
            if path != RELEASE_FILE && !known.contains_key(path.as_str()) {
                differences.push(Difference {
                    path,
                    difference: DifferenceKind::Extra,
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

fn compare_note(tree: &Path, hash: &Digest) -> Option<Difference> {
    let path = tree.join(RELEASE_FILE);
    let kind = match std::fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => match std::fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<ReleaseNote>(&bytes) {
                Ok(note) if note.hash == *hash => return None,
                _ => DifferenceKind::Changed,
            },
            Err(_) => DifferenceKind::Unreadable,
        },
        Ok(_) => DifferenceKind::Kind,
        Err(error) => from_error(&error),
    };
    Some(Difference {
        path: RELEASE_FILE.to_owned(),
        difference: kind,
    })
}
