//! What must lie in a release's tree: the entries of its index, and the links to persistent paths.
//! Nothing more may be there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bulla_schemas::Digest;
use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::install::{Install, PersistentPath};

use crate::state::record::TreeRecord;

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected<'a> {
    pub(crate) path: Cow<'a, str>,
    pub(crate) kind: ExpectedKind<'a>,
}

/// What must lie under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpectedKind<'a> {
    Directory,
    File {
        /// The position in the index.
        entry: usize,
        executable: bool,
        size: u64,
        digest: Digest,
    },
    Link {
        target: Cow<'a, str>,
    },
}

/// Lists a tree, sorted by path.
pub(crate) fn expected<'a>(entries: &'a [IndexEntry], install: &Install) -> Vec<Expected<'a>> {
    let mut all: Vec<Expected<'a>> = entries
        .iter()
        .enumerate()
        .map(|(position, entry)| Expected {
            path: Cow::Borrowed(entry.path.as_str()),
            kind: kind(position, &entry.kind),
        })
        .collect();
    let listed = all.len();
    for (path, kind) in persistent(install) {
        let known = all[..listed].binary_search_by(|expected| expected.path.as_ref().cmp(&path));
        if known.is_err() {
            let path = Cow::Owned(path);
            all.push(Expected { path, kind });
        }
    }
    // The index is sorted.
    if all.len() > listed {
        all.sort_by(|left, right| left.path.cmp(&right.path));
    }
    all
}

/// Lists a tree by what was recorded of it, for when its index cannot be read.
pub(crate) fn recorded(record: &TreeRecord) -> Vec<Expected<'_>> {
    let directories = record.directories().map(|directory| Expected {
        path: Cow::Borrowed(directory.path),
        kind: ExpectedKind::Directory,
    });
    let links = record.links().map(|link| Expected {
        path: Cow::Borrowed(link.path),
        kind: ExpectedKind::Link {
            target: Cow::Borrowed(link.target),
        },
    });
    let files = record.files().enumerate().map(|(entry, file)| Expected {
        path: Cow::Borrowed(file.path),
        kind: ExpectedKind::File {
            entry,
            executable: file.executable,
            size: file.stamp.size,
            digest: file.digest,
        },
    });
    let mut all: Vec<Expected<'_>> = directories.chain(links).chain(files).collect();
    all.sort_by(|left, right| left.path.cmp(&right.path));
    all
}

fn kind(entry: usize, kind: &EntryKind) -> ExpectedKind<'_> {
    match kind {
        EntryKind::Directory => ExpectedKind::Directory,
        EntryKind::File {
            executable,
            size,
            digest,
        } => ExpectedKind::File {
            entry,
            executable: *executable,
            size: *size,
            digest: *digest,
        },
        EntryKind::Link { target } => ExpectedKind::Link {
            target: Cow::Borrowed(target.as_str()),
        },
    }
}

/// The links to persistent paths, and the directories that they lie in. The bundle's reader has
/// made sure that no entry is in their way.
fn persistent(install: &Install) -> BTreeMap<String, ExpectedKind<'static>> {
    let mut paths = BTreeMap::new();
    for path in install.persist.iter().map(PersistentPath::path) {
        let mut above = path.parent();
        while let Some(directory) = above {
            above = directory.parent();
            paths.insert(directory.to_string(), ExpectedKind::Directory);
        }
        // From ROOT/project/releases/HASH/a/b up to ROOT/project.
        let up = "../".repeat(path.depth() + 1);
        let target = Cow::Owned(format!("{up}persist/{path}"));
        paths.insert(path.to_string(), ExpectedKind::Link { target });
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_persistent_paths_from_where_they_lie() {
        let entries = [IndexEntry {
            path: "var".parse().unwrap(),
            kind: EntryKind::Directory,
        }];
        let install = Install {
            persist: vec!["var/uploads".parse().unwrap(), "a/b/c".parse().unwrap()],
            ..Install::default()
        };
        let listed: Vec<(String, String)> = expected(&entries, &install)
            .into_iter()
            .map(|expected| {
                let kind = match expected.kind {
                    ExpectedKind::Link { target } => target.into_owned(),
                    other => format!("{other:?}"),
                };
                (expected.path.into_owned(), kind)
            })
            .collect();
        let line = |path: &str, kind: &str| (path.to_owned(), kind.to_owned());
        assert_eq!(
            listed,
            [
                line("a", "Directory"),
                line("a/b", "Directory"),
                line("a/b/c", "../../../../persist/a/b/c"),
                line("var", "Directory"),
                line("var/uploads", "../../../persist/var/uploads"),
            ]
        );
    }
}
