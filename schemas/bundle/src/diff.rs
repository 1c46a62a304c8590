//! What changes from one release to another, path by path.

use std::cmp::Ordering;

use bulla_schemas::api::{Change, ChangeKind};
use bulla_schemas::index::{EntryKind, IndexEntry};

/// Compares two indexes, each sorted by path as a verified one is.
pub fn diff(from: &[IndexEntry], to: &[IndexEntry]) -> Vec<Change> {
    let mut changes = Vec::new();
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
        changes.extend(change(before, after));
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
        size_before: before.and_then(file_size),
        size_after: after.and_then(file_size),
    })
}

fn difference(before: &EntryKind, after: &EntryKind) -> Option<ChangeKind> {
    match (before, after) {
        (EntryKind::Directory, EntryKind::Directory) => None,
        (EntryKind::Link { target: before }, EntryKind::Link { target: after }) => {
            (before != after).then_some(ChangeKind::Changed)
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

fn file_size(entry: &IndexEntry) -> Option<u64> {
    match entry.kind {
        EntryKind::File { size, .. } => Some(size),
        EntryKind::Directory | EntryKind::Link { .. } => None,
    }
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
        let changes: Vec<_> = diff(&from, &to)
            .into_iter()
            .map(|c| (c.path.to_string(), c.change, c.size_before, c.size_after))
            .collect();
        assert_eq!(
            changes,
            [
                ("a".into(), ChangeKind::Changed, Some(3), Some(5)),
                ("c".into(), ChangeKind::Mode, Some(3), Some(3)),
                ("d".into(), ChangeKind::Removed, Some(4), None),
                ("e".into(), ChangeKind::Changed, None, None),
                ("f".into(), ChangeKind::Kind, None, Some(10)),
                ("g".into(), ChangeKind::Added, None, Some(3)),
            ]
        );
        assert!(diff(&to, &to).is_empty());
    }
}
