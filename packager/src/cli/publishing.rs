//! Logging a release as several commands do it: what is said about this run, and a bar.

use std::sync::Arc;

use bulla_registry_client::Client;
use bulla_schemas::Timestamp;
use bulla_terminal::{Bar, Failure};
use bulla_trust::LogState;

use super::environment;
use crate::pack::Packed;
use crate::publish::{self, Published, Run};
use crate::signer::Signer;

/// A release that is packed, and who says so.
pub(super) struct Publishing<'a> {
    pub(super) client: &'a Client,
    pub(super) log: Option<&'a LogState>,
    pub(super) signer: &'a Signer,
    pub(super) packed: &'a Packed,
    pub(super) builder_id: String,
    /// The URL or number of the CI run.
    pub(super) run: &'a str,
    pub(super) started_on: Timestamp,
}

impl Publishing<'_> {
    /// Pushes what is not there yet, and logs the release.
    pub(super) async fn publish(self) -> Result<Published, Failure> {
        let run = Run {
            builder_id: self.builder_id,
            invocation: self.run.to_owned(),
            started_on: self.started_on,
            finished_on: environment::now(),
        };
        let bar = Arc::new(Bar::new("push"));
        let published =
            publish::publish(self.client, self.log, self.signer, self.packed, &run, bar).await?;
        Ok(published)
    }
}
