//! `.bulla-release`: the file in every tree that says which release it is.

use bulla_bundle::VerifiedBundle;
use bulla_schemas::{ChannelName, Digest, Name, ProjectName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::state::StateError;
use crate::state::history::PromotionRecord;

/// What `.bulla-release` says, for people and for the application itself. Nothing is decided by
/// it: it lies where anybody can change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseNote {
    /// The project.
    pub project: ProjectName,
    /// The release.
    pub hash: Digest,
    /// The revision that it was packed from.
    pub revision: String,
    /// The channel that it was installed from.
    pub channel: ChannelName,
    /// Who promoted it.
    pub promoted_by: Vec<Name>,
    /// When, as they say.
    pub promoted_at: Timestamp,
    /// Why, in their words.
    pub reason: String,
    /// When this tree was written, by this server's clock.
    pub installed_at: Timestamp,
}

impl ReleaseNote {
    pub(crate) fn new(
        bundle: &VerifiedBundle,
        promotion: &PromotionRecord,
        now: Timestamp,
    ) -> Self {
        let release = bundle.release();
        Self {
            project: release.project.clone(),
            hash: bundle.hash(),
            revision: release.source.revision().to_owned(),
            channel: promotion.channel.clone(),
            promoted_by: promotion.people.clone(),
            promoted_at: promotion.issued_at,
            reason: promotion.reason.clone(),
            installed_at: now,
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(StateError::Unwritable)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
