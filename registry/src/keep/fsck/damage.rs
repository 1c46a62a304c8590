//! The words of damages: what it means for people, and what to do.

use bulla_schemas::report::{Damage, DamageKind, DamagedRelease};
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;

use super::repair::Left;
use crate::store::Wrong;

/// Where the index is gone.
pub(super) const REINDEX: &str = "stop the registry and run `bulla-registry reindex`, which makes the index again of \
     the files; tokens and host reports are in `registry.db` of a backup only";
/// Where entries are.
pub(super) const RESTORE_LOG: &str = "restore `log/` from a backup that is not older than what servers know of it, or bring in \
     a copy with `bulla-registry import-log`";
/// Where a repair makes it again.
pub(super) const REPAIRABLE: &str = "`bulla-registry fsck --repair` makes it again";
/// Where only those who have it bring it again.
pub(super) const PUSH: &str = "publish these releases again, or import their files";

/// Says what to do about content.
pub(super) fn hint(wrong: &Wrong, left: Left) -> &'static str {
    match (wrong, left) {
        (_, Left::MovedAway) => {
            "publish the revision again, or import the release's file: what is damaged was moved to \
             `damaged/`, and is asked for"
        }
        (Wrong::Missing, _) | (_, Left::AsItWas) => {
            "publish the revision again, or import the release's file; where `packs/` or `blobs/` is \
             a disk of its own, mount it first"
        }
        (_, Left::Found) => {
            "`bulla-registry fsck --repair` puts it together again where its frames lie elsewhere, \
             and else moves it away, so that publishing the revision again brings it back"
        }
    }
}

/// Returns a release, with the channels that point to it.
pub(super) fn release(
    state: Option<&LogState>,
    project: &ProjectName,
    hash: Digest,
) -> DamagedRelease {
    let heads = state.into_iter().flat_map(|state| state.channels(project));
    let heads = heads.filter(|head| head.hash == hash);
    let named = state.and_then(|state| state.release(project, &hash));
    DamagedRelease {
        hash,
        revision: named.map(|release| release.record().revision.clone()),
        channels: heads.map(|head| head.channel.clone()).collect(),
    }
}

/// Returns a damage of which nothing more is known.
pub(super) fn plain(kind: DamageKind, found: String) -> Damage {
    Damage {
        kind,
        project: None,
        digest: None,
        found,
        releases: Vec::new(),
        repaired: false,
        brought_from: None,
        hint: None,
    }
}

/// Says what to do.
pub(super) fn with_hint(damage: Damage, hint: &str) -> Damage {
    Damage {
        hint: Some(hint.to_owned()),
        ..damage
    }
}
