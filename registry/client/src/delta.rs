//! Deltas between two bundles, which only a registry of ours makes.

use bulla_schemas::api::DeltaRequest;
use bulla_schemas::{Digest, ProjectName, media_type};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};

use crate::answer;
use crate::client::Client;
use crate::error::{Answer, ClientError};

impl Client {
    /// Fetches the delta that turns the bundle `have` into the bundle `want`: at most `limit` bytes,
    /// unverified. `None` where the registry makes none, whatever it says: without one, all is
    /// there too. A registry that knows no deltas is asked once.
    pub async fn delta(
        &self,
        project: &ProjectName,
        have: Digest,
        want: Digest,
        limit: u64,
    ) -> Result<Option<Bytes>, ClientError> {
        if self.makes_no_deltas() {
            return Ok(None);
        }
        let parts = ["v2"].into_iter().chain(project.as_str().split('/'));
        let url = self.at(parts.chain(["_bulla", "delta"]));
        let request = self.request(Method::POST, &url);
        let request = request.header(ACCEPT, media_type::DELTA);
        let request = request.json(&DeltaRequest { have, want });
        match self.send(request).await {
            Ok(response) if is_delta(&response) => {
                let delta = answer::read(response, limit).await?;
                Ok(Some(delta.into()))
            }
            Err(ClientError::Answer(answer)) if !says_never(&answer) => Ok(None),
            Ok(_) | Err(ClientError::Answer(_)) => {
                self.forget_deltas();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_delta(response: &Response) -> bool {
    let found = response.headers().get(CONTENT_TYPE);
    found.is_some_and(|found| found == media_type::DELTA)
}

/// Tells whether a refusal is about deltas as such, and not about these two bundles or this moment.
fn says_never(answer: &Answer) -> bool {
    let is_unknown = matches!(answer.status, 400 | 404 | 405 | 501);
    is_unknown && answer.oci_code.as_deref() != Some("MANIFEST_UNKNOWN")
}
