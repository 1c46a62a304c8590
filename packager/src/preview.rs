//! What a promotion changes on the servers, told before anybody signs: files, hooks, persistent
//! paths, needed environment, and how the release came to be.

use bulla_bundle::VerifiedBundle;
use bulla_schemas::api::{DiffTotals, InstallChanges};
use bulla_schemas::install::Install;
use bulla_schemas::report::Preview;
use bulla_trust::Release;

/// Compares what is live with a release.
pub(crate) fn compare(
    live: Option<&VerifiedBundle>,
    target: &VerifiedBundle,
    release: &Release,
) -> Preview {
    let entries = live.map(VerifiedBundle::entries).unwrap_or_default();
    let changes = bulla_bundle::diff(entries, target.entries());
    let nothing = Install::default();
    let install = live.map_or(&nothing, |live| &live.release().install);
    let record = release.record();
    Preview {
        from: live.map(VerifiedBundle::hash),
        to: target.hash(),
        revision: target.release().source.revision().to_owned(),
        build: record.build,
        built_by: record.builders.clone(),
        reproduced_by: release.reproduced_by(),
        totals: DiffTotals::of(&changes),
        changes,
        install: InstallChanges::between(install, &target.release().install),
    }
}
