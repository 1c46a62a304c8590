//! Two releases side by side: both fetched and verified without their payloads, then compared.

mod limit;

use bulla_bundle::VerifiedBundle;
use bulla_registry_client::Client;
use bulla_schemas::api::{Change, Diff, DiffTotals, InstallChanges, SideKind};
use bulla_schemas::index::EntryKind;
use bulla_schemas::{Digest, ProjectName};

use crate::contents::{self, ContentsError};

pub use limit::PathLimit;

/// Two releases and what changes from the first to the second.
#[derive(Debug)]
pub struct Comparison {
    /// The older release.
    pub from: VerifiedBundle,
    /// The newer release.
    pub to: VerifiedBundle,
    /// What changes.
    pub diff: Diff,
}

impl Comparison {
    /// Compares two verified releases.
    pub fn of(from: VerifiedBundle, to: VerifiedBundle) -> Self {
        let diff = bulla_bundle::compare(&from, &to);
        Self { from, to, diff }
    }
}

/// Fetches two releases of a project, verifies them and compares them.
pub async fn compare(
    client: &Client,
    project: &ProjectName,
    from: Digest,
    to: Digest,
) -> Result<Comparison, ContentsError> {
    let (from, to) = tokio::try_join!(
        contents::fetch(client, project, from),
        contents::fetch(client, project, to),
    )?;
    Ok(Comparison::of(from, to))
}

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
