//! How a folder differs from one release.

use std::cmp::Ordering;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::install::PersistentPath;
use bulla_schemas::report::{PathDifference, PathDifferenceKind};

use super::folder::{Folder, Found};

/// The release that a directory is nearest to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// The release.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// How many of its files and links are in the directory as they should be.
    pub same: u64,
    /// The paths that differ, sorted.
    pub differences: Vec<PathDifference>,
}

impl Identified {
    /// Tells whether nothing differs.
    pub fn is_exact(&self) -> bool {
        self.differences.is_empty()
    }

    /// Tells whether more of this release is in the directory than of the other, measured by all
    /// that one or both of release and directory have.
    pub(super) fn is_nearer_than(&self, other: &Self) -> bool {
        let different = |one: &Self| one.differences.len() as u64;
        let share =
            |one: &Self, of: &Self| u128::from(one.same) * u128::from(of.same + different(of));
        match share(self, other).cmp(&share(other, self)) {
            Ordering::Equal => different(self) < different(other),
            order => order.is_gt(),
        }
    }
}

/// Compares a folder with a release.
pub(super) fn compare(bundle: &VerifiedBundle, folder: &Folder) -> Identified {
    let persist = &bundle.release().install.persist;
    let entries = bundle.entries();
    let (mut same, mut differences) = (0, Vec::new());
    for entry in entries {
        let found = folder.entries.get(entry.path.as_str());
        match difference(&entry.kind, found) {
            // A directory that is not empty is missed with what lies in it.
            Some(PathDifferenceKind::Missing) if bulla_bundle::has_content(entries, entry) => {}
            Some(difference) => differences.push(PathDifference {
                path: entry.path.to_string(),
                difference,
            }),
            None if entry.kind != EntryKind::Directory => same += 1,
            None => {}
        }
    }
    let extra = folder.entries.iter().filter(|(path, found)| {
        **found != Found::Directory && !has(entries, path) && !is_persistent(path, persist)
    });
    differences.extend(extra.map(|(path, found)| PathDifference {
        path: path.clone(),
        difference: match found {
            Found::Unreadable => PathDifferenceKind::Unreadable,
            _ => PathDifferenceKind::Extra,
        },
    }));
    differences.sort();
    Identified {
        hash: bundle.hash(),
        revision: bundle.release().source.revision().to_owned(),
        same,
        differences,
    }
}

fn has(entries: &[IndexEntry], path: &str) -> bool {
    entries
        .binary_search_by(|entry| entry.path.as_str().cmp(path))
        .is_ok()
}

fn difference(expected: &EntryKind, found: Option<&Found>) -> Option<PathDifferenceKind> {
    let Some(found) = found else {
        return Some(PathDifferenceKind::Missing);
    };
    match (expected, found) {
        (_, Found::Unreadable) => Some(PathDifferenceKind::Unreadable),
        (EntryKind::Directory, Found::Directory) => None,
        (EntryKind::Link { target: expected }, Found::Link { target }) => {
            (expected.as_str() != target).then_some(PathDifferenceKind::Changed)
        }
        (
            EntryKind::File {
                executable: must_execute,
                digest: expected,
                ..
            },
            Found::File { executable, digest },
        ) => {
            if expected == digest {
                (cfg!(unix) && must_execute != executable).then_some(PathDifferenceKind::Mode)
            } else {
                Some(PathDifferenceKind::Changed)
            }
        }
        _ => Some(PathDifferenceKind::Kind),
    }
}

/// Tells whether a path lies at one of the persistent ones.
fn is_persistent(path: &str, persist: &[PersistentPath]) -> bool {
    persist.iter().any(|persistent| {
        let rest = path.strip_prefix(persistent.path().as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
