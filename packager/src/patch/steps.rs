//! The order of a patch: one step for every file that comes, goes or changes.

use bulla_bundle::VerifiedBundle;
use bulla_schemas::EntryPath;
use bulla_schemas::api::{Change, ChangeKind, ChangeSide, SideKind};
use bulla_schemas::index::EntryKind;

/// One file of a patch.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) path: &'a EntryPath,
    /// Whether the older release has it; whether the newer one has it.
    exists: [bool; 2],
    /// Whether only the mode differs.
    pub(super) same_content: bool,
}

impl Step<'_> {
    /// Returns position and kind of the entry in both releases, where the step has it.
    pub(super) fn sides<'b>(
        &self,
        from: &'b VerifiedBundle,
        to: &'b VerifiedBundle,
    ) -> [Option<(usize, &'b EntryKind)>; 2] {
        let [before, after] = self.exists;
        [
            before.then(|| find(from, self.path)).flatten(),
            after.then(|| find(to, self.path)).flatten(),
        ]
    }
}

fn find<'a>(bundle: &'a VerifiedBundle, path: &EntryPath) -> Option<(usize, &'a EntryKind)> {
    let entries = bundle.entries();
    let position = entries
        .binary_search_by(|entry| entry.path.cmp(path))
        .ok()?;
    Some((position, &entries[position].kind))
}

/// Returns the steps in the order of their paths. What becomes another kind of file goes and
/// comes, and what takes the place of a directory comes when that is empty.
pub(super) fn of(changes: &[Change]) -> Vec<Step<'_>> {
    let mut steps = Vec::with_capacity(changes.len());
    for change in changes {
        let step = |exists| Step {
            path: &change.path,
            exists,
            same_content: change.change == ChangeKind::Mode,
        };
        let exists = [
            is_file(change.before.as_ref()),
            is_file(change.after.as_ref()),
        ];
        let key = change.path.as_str();
        match exists {
            [false, false] => {}
            [true, true] if change.change == ChangeKind::Kind => {
                steps.push((key.to_owned(), step([true, false])));
                steps.push((key.to_owned(), step([false, true])));
            }
            // `0` is the character behind `/`: everything below the path stands before.
            [false, true] if change.before.is_some() => {
                steps.push((format!("{key}0"), step(exists)));
            }
            _ => steps.push((key.to_owned(), step(exists))),
        }
    }
    steps.sort_by(|(one, _), (other, _)| one.cmp(other));
    steps.into_iter().map(|(_, step)| step).collect()
}

fn is_file(side: Option<&ChangeSide>) -> bool {
    side.is_some_and(|side| side.kind != SideKind::Directory)
}

/// Returns the directories that come or go and in which nothing is.
pub(super) fn empty_directories(
    changes: &[Change],
    from: &VerifiedBundle,
    to: &VerifiedBundle,
) -> Vec<EntryPath> {
    let is_empty = |bundle: &VerifiedBundle, side: Option<&ChangeSide>, path: &EntryPath| {
        side.is_some_and(|side| side.kind == SideKind::Directory)
            && find(bundle, path).is_some_and(|(position, _)| {
                let entries = bundle.entries();
                !bulla_bundle::has_content(entries, &entries[position])
            })
    };
    let directories = changes.iter().filter(|change| {
        is_empty(from, change.before.as_ref(), &change.path)
            || is_empty(to, change.after.as_ref(), &change.path)
    });
    directories.map(|change| change.path.clone()).collect()
}
