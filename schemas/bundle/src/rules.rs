//! What must hold for the entries of every release, whoever made them. The writer and the reader
//! ask the same function, so they cannot disagree.
//!
//! - Sorted by the bytes of the path, each path once. `a` sorts before `a-b` and that before
//!   `a/b`: a directory stands before what is in it, though not always directly before.
//! - The parent of every entry is an entry too, and a directory.
//! - Nothing lies at, in or in the way of a persistent path.

use std::cmp::Ordering;

use bulla_schemas::EntryPath;
use bulla_schemas::install::{Install, PersistentPath};
use bulla_schemas::outcome::{FailureKind, Outcome};
use foldhash::HashSet;

use crate::limits::{LimitError, Limits};

/// Why entries are not those of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// No entries at all.
    #[error("a release needs at least one entry, found none")]
    Empty,
    /// The same path twice.
    #[error("the path `{path}` stands twice in the tree")]
    Duplicate {
        /// The path.
        path: EntryPath,
    },
    /// Entries in another order than that of their bytes.
    #[error("entries must be sorted by the bytes of their paths, found `{after}` after `{before}`")]
    Unsorted {
        /// The entry that stands first.
        before: EntryPath,
        /// The entry that stands behind it and sorts before it.
        after: EntryPath,
    },
    /// An entry whose directory is no entry.
    #[error("`{path}` lies in a directory that is not in the tree")]
    MissingParent {
        /// The entry.
        path: EntryPath,
    },
    /// An entry below a file or a link.
    #[error("`{path}` lies below `{parent}`, which is not a directory")]
    BelowNoDirectory {
        /// The entry.
        path: EntryPath,
        /// The file or link above it.
        parent: EntryPath,
    },
    /// An entry where the server keeps its own data.
    #[error("`{path}` lies in the way of the persistent path `{persist}`")]
    Persistent {
        /// The entry.
        path: EntryPath,
        /// The persistent path.
        persist: EntryPath,
    },
    /// Too many, or too deep.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl Outcome for TreeError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Persistent { path, .. } => Some(format!(
                "exclude `{path}` from the bundle, or take it from `install.persist`"
            )),
            Self::BelowNoDirectory { parent, .. } => {
                Some(format!("rename `{parent}` or what lies below it"))
            }
            _ => None,
        }
    }
}

/// Checks entries, given as paths and whether each is a directory, in the order of the tar.
pub(crate) fn check_entries<'a>(
    entries: impl ExactSizeIterator<Item = (&'a EntryPath, bool)> + Clone,
    install: &Install,
    limits: &Limits,
) -> Result<(), TreeError> {
    if entries.len() == 0 {
        return Err(TreeError::Empty);
    }
    limits.check_entries(entries.len() as u64)?;
    let mut directories = HashSet::default();
    // In this order most entries lie in the directory of the one before.
    let mut found = None;
    let mut last: Option<&EntryPath> = None;
    for (position, (path, is_directory)) in entries.clone().enumerate() {
        check_order(last, path)?;
        limits.check_depth(path)?;
        if let Some(parent) = path.parent_str().filter(|parent| found != Some(*parent)) {
            if !directories.contains(parent) {
                return Err(no_directory(path, parent, entries.take(position)));
            }
            found = Some(parent);
        }
        check_persistent(path, is_directory, install)?;
        if is_directory {
            directories.insert(path.as_str());
        }
        last = Some(path);
    }
    Ok(())
}

/// Tells why `parent` is not a directory that holds `path`.
fn no_directory<'a>(
    path: &EntryPath,
    parent: &str,
    before: impl Iterator<Item = (&'a EntryPath, bool)>,
) -> TreeError {
    let path = path.clone();
    match before
        .map(|(path, _)| path)
        .find(|path| path.as_str() == parent)
    {
        None => TreeError::MissingParent { path },
        Some(parent) => TreeError::BelowNoDirectory {
            path,
            parent: parent.clone(),
        },
    }
}

fn check_order(last: Option<&EntryPath>, path: &EntryPath) -> Result<(), TreeError> {
    match last.map(|last| (last.cmp(path), last)) {
        None | Some((Ordering::Less, _)) => Ok(()),
        Some((Ordering::Equal, _)) => Err(TreeError::Duplicate { path: path.clone() }),
        Some((Ordering::Greater, last)) => Err(TreeError::Unsorted {
            before: last.clone(),
            after: path.clone(),
        }),
    }
}

/// A directory above a persistent path is welcome; anything else there is in the way.
fn check_persistent(
    path: &EntryPath,
    is_directory: bool,
    install: &Install,
) -> Result<(), TreeError> {
    let mut persistent = install.persist.iter().map(PersistentPath::path);
    let clash = persistent
        .find(|persist| path.is_within(persist) || (!is_directory && persist.is_within(path)));
    match clash {
        None => Ok(()),
        Some(persist) => Err(TreeError::Persistent {
            path: path.clone(),
            persist: persist.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str], persist: &[&str]) -> Result<(), TreeError> {
        let entries: Vec<(EntryPath, bool)> = paths
            .iter()
            .map(|text| {
                let path = text.trim_end_matches('/').parse().unwrap();
                (path, text.ends_with('/'))
            })
            .collect();
        let install = Install {
            persist: persist.iter().map(|path| path.parse().unwrap()).collect(),
            ..Install::default()
        };
        let limits = Limits {
            depth: 4,
            ..Limits::default()
        };
        check_entries(
            entries.iter().map(|(path, directory)| (path, *directory)),
            &install,
            &limits,
        )
    }

    #[test]
    fn takes_a_sibling_that_sorts_between_a_directory_and_its_content() {
        assert_eq!(check(&["a/", "a-b", "a.c/", "a/b", "a0"], &[]), Ok(()));
    }

    #[test]
    fn refuses_what_is_out_of_order_or_twice_or_without_a_directory() {
        assert!(matches!(check(&[], &[]), Err(TreeError::Empty)));
        assert!(matches!(
            check(&["b", "a"], &[]),
            Err(TreeError::Unsorted { .. })
        ));
        assert!(matches!(
            check(&["a/", "a/b", "a-b"], &[]),
            Err(TreeError::Unsorted { .. })
        ));
        assert!(matches!(
            check(&["a", "a"], &[]),
            Err(TreeError::Duplicate { .. })
        ));
        assert!(matches!(
            check(&["a/b"], &[]),
            Err(TreeError::MissingParent { .. })
        ));
        assert!(matches!(
            check(&["a", "a/b"], &[]),
            Err(TreeError::BelowNoDirectory { .. })
        ));
        assert!(matches!(
            check(&["a/", "a/b/", "a/b/c/", "a/b/c/d/", "a/b/c/d/e"], &[]),
            Err(TreeError::Limit(LimitError::Depth { .. }))
        ));
    }

    #[test]
    fn keeps_persistent_paths_free() {
        assert_eq!(check(&["var/", "var/log"], &["var/uploads"]), Ok(()));
        for paths in [
            &["var/", "var/uploads"][..],
            &["var/", "var/uploads/"],
            &["var"],
        ] {
            assert!(matches!(
                check(paths, &["var/uploads"]),
                Err(TreeError::Persistent { .. })
            ));
        }
    }
}
