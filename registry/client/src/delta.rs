//! Deltas between two bundles, which only a registry of ours makes and takes.

use std::time::Duration;

use bulla_schemas::api::DeltaRequest;
use bulla_schemas::{Digest, ProjectName, media_type};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};

use url::Url;

use crate::client::Client;
use crate::error::{Answer, ClientError};

/// How long a delta may take to be sent and answered; whoever sends one keeps it small.
const PATIENCE: Duration = Duration::from_mins(5);

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
        let url = self.delta_url(project);
        let request = self.request(Method::POST, &url);
        let request = request.header(ACCEPT, media_type::DELTA);
        let request = request.json(&DeltaRequest { have, want });
        match self.send(request).await {
            Ok(response) if is_delta(&response) => {
                let delta = self.read(response, limit).await?;
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

    /// Sends a delta from the bundle `have`, which the registry has, to the new bundle `want`, in
    /// place of its blobs. Tells whether the registry took it; where it did not, the blobs can be
    /// pushed as ever. The manifest is pushed in both cases.
    pub async fn push_delta(
        &self,
        project: &ProjectName,
        have: Digest,
        want: Digest,
        delta: Bytes,
    ) -> Result<bool, ClientError> {
        if self.makes_no_deltas() {
            return Ok(false);
        }
        let mut url = self.delta_url(project);
        url.query_pairs_mut()
            .append_pair("have", &have.to_string())
            .append_pair("want", &want.to_string());
        let request = self.request(Method::PUT, &url).timeout(PATIENCE);
        let request = request.header(CONTENT_TYPE, media_type::DELTA);
        // The registry reads all of the payload before it answers.
        match self.send_body(request.body(delta)).await {
            Ok(_) => Ok(true),
            Err(ClientError::Answer(answer)) => {
                if says_never(&answer) {
                    self.forget_deltas();
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn delta_url(&self, project: &ProjectName) -> Url {
        self.at_repository(project, &["_bulla", "delta"])
    }
}

fn is_delta(response: &Response) -> bool {
    let found = response.headers().get(CONTENT_TYPE);
    found.is_some_and(|found| found == media_type::DELTA)
}

/// Tells whether a refusal is about deltas as such, and not about these two bundles or this moment.
fn says_never(answer: &Answer) -> bool {
    match (answer.status, answer.oci_code.as_deref()) {
        (404, code) => code != Some("MANIFEST_UNKNOWN"),
        // What has no form of its own comes from something else than a registry of ours.
        (400, code) => code.is_none(),
        (status, _) => matches!(status, 405 | 501),
    }
}
