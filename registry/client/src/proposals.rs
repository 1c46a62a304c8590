//! Proposals: statements that wait for signatures. Nothing here is verified.

use std::collections::HashSet;
use std::time::Duration;

use bulla_schemas::Digest;
use bulla_schemas::api::Proposal;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::client::{Client, is_found};
use crate::error::ClientError;
use crate::retry;

/// Most bytes of a proposal: an envelope, and when it came.
const LIMIT: u64 = 64 * 1024;
/// Most pages of proposals: a registry keeps a thousand, and some ten of the largest fill a page.
const MOST_PAGES: usize = 256;

impl Client {
    /// Fetches the statements that wait for signatures and that may be seen, by their ids. One that is
    /// listed twice is one.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, ClientError> {
        let url = self.at(["api", "v1", "proposals"]);
        let mut proposals: Vec<Proposal> = self.list_of(&url, MOST_PAGES).await?;
        let mut seen = HashSet::new();
        proposals.retain(|proposal| seen.insert(proposal.id));
        Ok(proposals)
    }

    /// Sends an envelope that waits for signatures, or signatures for one that does. Sent again, it
    /// says the same: who has signed is counted once.
    pub async fn propose(
        &self,
        envelope: &[u8],
        expires: Option<Duration>,
    ) -> Result<Proposal, ClientError> {
        let mut url = self.at(["api", "v1", "proposals"]);
        if let Some(expires) = expires {
            let seconds = expires.as_secs().to_string();
            url.query_pairs_mut().append_pair("expires", &seconds);
        }
        retry::repeat(self, || async {
            let request = self.request(Method::POST, &url);
            let request = request.header(CONTENT_TYPE, "application/json");
            let response = self.send(request.body(envelope.to_vec())).await?;
            self.read_json(response, LIMIT, "a statement that waits for signatures")
                .await
        })
        .await
    }

    /// Has a proposal forgotten; one that is gone already is as well.
    pub async fn withdraw(&self, id: &Digest) -> Result<(), ClientError> {
        let url = self.at(["api", "v1", "proposals", &id.to_string()]);
        let deleted = retry::repeat(self, || async {
            self.send(self.request(Method::DELETE, &url)).await
        });
        is_found(deleted.await).map(drop)
    }
}
