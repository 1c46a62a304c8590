//! What is neither here nor to be kept is recorded as removed, where the log was brought back without the
//! bundles that it names: so that `fsck` names only what is missed.

use std::collections::BTreeMap;

use bulla_schemas::media_type;
use bulla_trust::LogState;

use super::hosts::hosts;
use super::mark::{Known, mark};
use crate::blocking::blocking;
use crate::database::SeenManifest;
use crate::error::RegistryError;
use crate::keep::Retention;
use crate::keep::absent::absent;
use crate::keep::parts::Parts;
use crate::oci::digest::OciDigest;
use crate::store::repositories::Removal;

/// Records that those releases are removed that are not here and would go if they were.
pub(super) async fn let_go(
    parts: &Parts,
    state: &LogState,
    retention: &Retention,
) -> Result<(), RegistryError> {
    let now = parts.clock.now();
    for (project, hash) in absent(parts, state, |_| true).await? {
        let digest = OciDigest::from(hash);
        let release = state.release(&project, &hash);
        let manifest = SeenManifest {
            media_type: media_type::OCI_MANIFEST.to_owned(),
            artifact_type: Some(media_type::BUNDLE.to_owned()),
            subject: None,
            // Nobody has pushed it here, so its builder's word is what there is.
            seen_at: release
                .map_or(now, |release| release.record().finished_on)
                .as_seconds(),
        };
        let known = Known {
            manifests: BTreeMap::from([(digest.clone(), manifest)]),
            hosts: hosts(parts, &project).await?,
            ..Known::default()
        };
        let (terms, _) = retention.of(&project);
        let terms = (terms, retention.grace);
        let marks = mark(&project, &known, state, terms, now.as_seconds());
        if !marks.removed.contains_key(&digest) {
            continue;
        }
        let removal = Removal {
            at: now,
            reason: "it was not here any more, and nothing keeps it".to_owned(),
        };
        let repositories = parts.repositories.clone();
        blocking(move || repositories.record_removal(&project, &digest, &removal)).await?;
    }
    Ok(())
}
