//! What changes from one release to another, path by path.

use std::cmp::Ordering;

use bulla_schemas::api::{
    Change, ChangeKind, ChangeSide, Diff, DiffTotals, InstallChanges, SideKind,
};
use bulla_schemas::index::{EntryKind, IndexEntry};

use crate::verify::VerifiedBundle;

/// Compares two releases: their paths, and how they want to be installed.
pub fn compare(from: &VerifiedBundle, to: &VerifiedBundle) -> Diff {
    let changes = diff(from.entries(), to.entries());
    Diff {
        from: from.hash(),
        to: to.hash(),
        totals: DiffTotals::of(&changes),
        changes,
        next: None,
        install: InstallChanges::between(&from.release().install, &to.release().install),
    }
}

/// Compares two indexes, each sorted by path as a verified one is. A directory that comes or goes
/// is named when nothing lies in it; else what lies in it names it.
pub fn diff(from: &[IndexEntry], to: &[IndexEntry]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (all_before, all_after) = (from, to);
    let (mut from, mut to) = (from.iter().peekable(), to.iter().peekable());
    loop {
        let order = match (from.peek(), to.peek()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.path.cmp(&after.path),
        };
        let before = from.next_if(|_| order.is_le());
        let after = to.next_if(|_| order.is_ge());
        let is_implied = match (before, after) {
            (Some(_), Some(_)) => false,
            (Some(before), None) => has_content(all_before, before),
            (None, after) => after.is_some_and(|after| has_content(all_after, after)),
        };
        if !is_implied {
            changes.extend(change(before, after));
        }
    }
}

/// Tells whether an entry is a directory in which something lies. `entries` are sorted by path:
/// between `a` and `a/b` there may be `a-b`.
pub fn has_content(entries: &[IndexEntry], entry: &IndexEntry) -> bool {
    let path = &entry.path;
    let below = || path.as_str().bytes().chain(*b"/");
    entry.kind == EntryKind::Directory && {
        let first = entries.partition_point(|other| other.path.as_str().bytes().lt(below()));
        let first = entries.get(first);
        first.is_some_and(|first| first.path.is_within(path))
    }
}

fn change(before: Option<&IndexEntry>, after: Option<&IndexEntry>) -> Option<Change> {
    let entry = after.or(before)?;
    let kind = match (before, after) {
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Removed,
        (Some(before), Some(after)) => difference(&before.kind, &after.kind)?,
    };
    Some(Change {
        path: entry.path.clone(),
        change: kind,
        before: before.map(side),
        after: after.map(side),
    })
}

fn difference(before: &EntryKind, after: &EntryKind) -> Option<ChangeKind> {
    match (before, after) {
        (EntryKind::Directory, EntryKind::Directory) => None,
        (EntryKind::Link { target: before }, EntryKind::Link { target: after }) => {
            (before != after).then_some(ChangeKind::Link)
        }
        (
            EntryKind::File {
                executable: was_executable,
                digest: before,
                ..
            },
            EntryKind::File {
                executable,
                digest: after,
                ..
            },
        ) => {
            if before == after {
                (was_executable != executable).then_some(ChangeKind::Mode)
            } else {
                Some(ChangeKind::Changed)
            }
        }
        _ => Some(ChangeKind::Kind),
    }
}

fn side(entry: &IndexEntry) -> ChangeSide {
    let (kind, size, target) = match &entry.kind {
        EntryKind::Directory => (SideKind::Directory, None, None),
        EntryKind::File {
            executable, size, ..
        } => {
            let kind = if *executable {
                SideKind::Executable
            } else {
                SideKind::File
            };
            (kind, Some(*size), None)
        }
        EntryKind::Link { target } => (SideKind::Link, None, Some(target.as_str().to_owned())),
    };
    ChangeSide { kind, size, target }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulla_schemas::{Digest, LinkTarget};

    fn file(path: &str, content: &str, executable: bool) -> IndexEntry {
        IndexEntry {
            path: path.parse().unwrap(),
            kind: EntryKind::File {
                executable,
                size: content.len() as u64,
                digest: Digest::of(content.as_bytes()),
            },
        }
    }

    fn link(path: &str, target: &str) -> IndexEntry {
        let path = path.parse().unwrap();
        IndexEntry {
            kind: EntryKind::Link {
                target: LinkTarget::new(target, &path).unwrap(),
            },
            path,
        }
    }

    #[test]
    fn a_directory_is_named_when_nothing_lies_in_it() {
        let directory = |path: &str| IndexEntry {
            path: path.parse().unwrap(),
            kind: EntryKind::Directory,
        };
        let to = [
            directory("a"),
            // Stands between the directory and what lies in it.
            file("a-b", "beside", false),
            directory("a/b"),
            file("a/b/c", "in it", false),
            directory("empty"),
        ];
        let paths = |changes: &[Change]| -> Vec<String> {
            changes.iter().map(|one| one.path.to_string()).collect()
        };
        assert_eq!(paths(&diff(&[], &to)), ["a-b", "a/b/c", "empty"]);
        assert_eq!(paths(&diff(&to, &[])), ["a-b", "a/b/c", "empty"]);
        // It stays, but what was in it is gone.
        assert_eq!(paths(&diff(&to, &to[..3])), ["a/b/c", "empty"]);
    }

    #[test]
    fn names_every_path_that_differs_and_no_other() {
        let from = [
            file("a", "one", false),
            file("b", "same", false),
            file("c", "run", false),
            file("d", "gone", false),
            link("e", "a"),
            link("f", "b"),
        ];
        let to = [
            file("a", "other", false),
            file("b", "same", false),
            file("c", "run", true),
            link("e", "c"),
            file("f", "now a file", false),
            file("g", "new", false),
        ];
        let changes = diff(&from, &to);
        let sides = |change: &Change| {
            let write = |side: &Option<ChangeSide>| match side {
                None => "-".to_owned(),
                Some(ChangeSide {
                    target: Some(target),
                    ..
                }) => format!("-> {target}"),
                Some(side) => format!("{:?} {}", side.kind, side.size.unwrap_or(0)),
            };
            (
                change.path.to_string(),
                change.change,
                write(&change.before),
                write(&change.after),
            )
        };
        let expected = [
            ("a", ChangeKind::Changed, "File 3", "File 5"),
            ("c", ChangeKind::Mode, "File 3", "Executable 3"),
            ("d", ChangeKind::Removed, "File 4", "-"),
            ("e", ChangeKind::Link, "-> a", "-> c"),
            ("f", ChangeKind::Kind, "-> b", "File 10"),
            ("g", ChangeKind::Added, "-", "File 3"),
        ]
        .map(|(path, kind, before, after)| (path.into(), kind, before.into(), after.into()));
        assert_eq!(changes.iter().map(sides).collect::<Vec<_>>(), expected);
        let totals = DiffTotals::of(&changes);
        assert_eq!((totals.paths(), totals.link, totals.added), (6, 1, 1));
        assert_eq!((totals.bytes_before, totals.bytes_after), (10, 21));
        assert!(diff(&to, &to).is_empty());
    }
}
