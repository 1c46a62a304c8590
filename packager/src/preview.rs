//! What a promotion changes on the servers, told before anybody signs: files, hooks, persistent
//! paths, needed environment, and how the release came to be.

use bulla_bundle::VerifiedBundle;
use bulla_schemas::api::{Change, DiffTotals, InstallChanges};
use bulla_schemas::install::Install;
use bulla_schemas::statement::Build;
use bulla_schemas::{Digest, Name};
use bulla_trust::Release;
use serde::Serialize;

/// How a release differs from the one that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// What is live; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The release.
    pub to: Digest,
    /// Its commit id cut to 12 digits, or `r` and the revision number.
    pub revision: String,
    /// How its build ran; absent when the recipe has none.
    #[serde(skip_serializing_if = "Build::is_none")]
    pub build: Build,
    /// Who built it first.
    pub built_by: Vec<Name>,
    /// Who else built the same bytes.
    pub reproduced_by: Vec<Name>,
    /// The paths that differ; every path when nothing is live.
    pub changes: Vec<Change>,
    /// How many they are, and their bytes.
    pub totals: DiffTotals,
    /// How it wants to be installed, where that differs.
    #[serde(skip_serializing_if = "InstallChanges::is_empty")]
    pub install: InstallChanges,
}

impl Preview {
    /// Compares what is live with a release.
    pub fn new(live: Option<&VerifiedBundle>, target: &VerifiedBundle, release: &Release) -> Self {
        let entries = live.map(VerifiedBundle::entries).unwrap_or_default();
        let changes = bulla_bundle::diff(entries, target.entries());
        let nothing = Install::default();
        let install = live.map_or(&nothing, |live| &live.release().install);
        let record = release.record();
        let others = release.builders().into_iter().cloned();
        Self {
            from: live.map(VerifiedBundle::hash),
            to: target.hash(),
            revision: target.release().source.short_revision(),
            build: record.build,
            built_by: record.builders.clone(),
            reproduced_by: others
                .filter(|name| !record.builders.contains(name))
                .collect(),
            totals: DiffTotals::of(&changes),
            changes,
            install: InstallChanges::between(install, &target.release().install),
        }
    }
}
