//! Which paths of a comparison are wanted.

mod limit;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::api::{Change, Diff, DiffTotals, InstallChanges, SideKind};
use bulla_schemas::index::EntryKind;

pub use limit::PathLimit;

/// Keeps only the paths that one of `limits` takes in; without limits, everything stays.
pub fn limit(diff: &mut Diff, limits: &[PathLimit]) {
    if limits.is_empty() {
        return;
    }
    let is_wanted = |change: &Change| {
        let sides = [&change.before, &change.after];
        let mut sides = sides.into_iter().flatten();
        let is_directory = sides.any(|side| side.kind == SideKind::Directory);
        let path = change.path.as_str();
        limits.iter().any(|limit| limit.matches(path, is_directory))
    };
    diff.changes.retain(is_wanted);
    diff.totals = DiffTotals::of(&diff.changes);
    diff.install = InstallChanges::default();
}

/// Tells whether a release has anything that `limit` takes in.
pub fn has_any(bundle: &VerifiedBundle, limit: &PathLimit) -> bool {
    bundle.entries().iter().any(|entry| {
        let is_directory = matches!(entry.kind, EntryKind::Directory);
        limit.matches(entry.path.as_str(), is_directory)
    })
}
