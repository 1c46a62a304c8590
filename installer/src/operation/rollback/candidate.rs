//! The releases that were live here and that a person may want instead.

use bulla_schemas::statement::Severity;
use bulla_schemas::{ChannelName, Digest, Timestamp};
use bulla_trust::LogState;

use crate::platform::files::FileError;
use crate::site::Site;
use crate::state::history::History;
use crate::tree::releases;

/// A release that was live here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The release.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// The channel that it came by.
    pub channel: ChannelName,
    /// When it was last activated.
    pub activated_at: Timestamp,
    /// Whether its tree is on this disk.
    pub on_disk: bool,
    /// What people said against it.
    pub revoked: Option<Severity>,
}

/// Lists what was live here, the latest first, but for what is live now.
pub(super) fn candidates(
    site: &Site,
    history: &History,
    log: &LogState,
    live: Option<&Digest>,
) -> Result<Vec<Candidate>, FileError> {
    let on_disk = releases::on_disk(site)?;
    Ok(history
        .latest_first()
        .into_iter()
        .filter(|hash| Some(hash) != live)
        .filter_map(|hash| history.last_of(&hash))
        .map(|activation| Candidate {
            hash: activation.hash,
            revision: activation.revision.clone(),
            channel: activation.promotion.channel.clone(),
            activated_at: activation.activated_at,
            on_disk: on_disk.contains(&activation.hash),
            revoked: log.revocation(site.project(), &activation.hash),
        })
        .collect())
}
