//! Two releases side by side: both fetched and verified without their payloads, then compared.

use bulla_bundle::VerifiedBundle;
use bulla_registry_client::Client;
use bulla_schemas::api::Diff;
use bulla_schemas::{Digest, ProjectName};

use crate::contents::{self, ContentsError};

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
