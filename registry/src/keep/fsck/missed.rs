//! Releases that the log names and that are not here: told of, and brought from another registry.

use bulla_bundle::Progress;
use bulla_registry_client::Client;
use bulla_schemas::ProjectName;
use bulla_schemas::report::{Damage, DamageKind};
use bulla_trust::LogState;

use super::damage::{plain, release};
use super::fetch;
use crate::error::RegistryError;
use crate::keep::absent::absent;
use crate::keep::parts::Parts;
use crate::oci::digest::OciDigest;

const HINT: &str = "publish the revision again, import the release's file, or bring it from a registry that \
                    has it with `bulla-registry fsck --repair --from URL`; `bulla-registry gc` lets go of what \
                    its rules would not keep";

/// Says which releases are not here that the log names and nobody removed, and brings them where they are
/// to come from another registry.
pub(super) async fn releases(
    parts: &Parts,
    state: &LogState,
    is_wanted: impl Fn(&ProjectName) -> bool,
    from: Option<&Client>,
    progress: &(dyn Progress + Send + Sync),
) -> Result<Vec<Damage>, RegistryError> {
    let missed = match absent(parts, state, is_wanted).await {
        // That it cannot be read was told.
        Err(RegistryError::Database(_)) => return Ok(Vec::new()),
        missed => missed?,
    };
    let mut failed = None;
    if let Some(client) = from.filter(|_| !missed.is_empty()) {
        let wanted = missed.iter();
        let wanted = wanted.map(|(project, hash)| (project.clone(), OciDigest::from(*hash)));
        failed = Some(fetch::take(parts, client, wanted.collect(), progress).await?);
    }
    let damages = missed.into_iter().map(|(project, hash)| {
        let entry = (project, OciDigest::from(hash));
        let why = failed.as_ref().and_then(|failed| failed.get(&entry));
        let is_brought = failed.is_some() && why.is_none();
        let why = why.map_or_else(String::new, |why| format!("; {why}"));
        let (project, digest) = entry;
        let found = format!("the log names {digest}, and it is not here{why}");
        let from = from.filter(|_| is_brought);
        Damage {
            digest: Some(digest.to_string()),
            releases: vec![release(Some(state), &project, hash)],
            project: Some(project),
            repaired: is_brought,
            brought_from: from.map(|client| client.url().to_string()),
            hint: (!is_brought).then(|| HINT.to_owned()),
            ..plain(DamageKind::Release, found)
        }
    });
    Ok(damages.collect())
}
