//! The log as it is served: checkpoint, entries, and the one way to append. Nothing here is
//! verified; [`LogFollower`](crate::LogFollower) verifies and remembers.

use bulla_schemas::api::{Appended, LogInfo};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::answer;
use crate::client::Client;
use crate::error::ClientError;
use crate::retry;

/// Most bytes of a checkpoint.
const CHECKPOINT_LIMIT: u64 = 64 * 1024;
/// Most bytes of a JSON answer about the log.
const JSON_LIMIT: u64 = 64 * 1024;

impl Client {
    /// Fetches what the registry says about its log. Helps to make the first policy.
    pub async fn log_info(&self) -> Result<LogInfo, ClientError> {
        let url = self.at(["api", "v1", "log"]);
        retry::repeat(|| async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            answer::read_json(response, JSON_LIMIT, "what a registry says about its log").await
        })
        .await
    }

    /// Fetches the newest checkpoint: a signed note.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, ClientError> {
        let url = self.at(["log", "checkpoint"]);
        retry::repeat(|| async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            answer::read(response, CHECKPOINT_LIMIT).await
        })
        .await
    }

    /// Appends an envelope. Answers when a published checkpoint covers it.
    ///
    /// After a temporary error the envelope may be in the log all the same: look before it is
    /// sent again.
    pub async fn append(&self, envelope: &[u8]) -> Result<Appended, ClientError> {
        let url = self.at(["log", "entries"]);
        retry::repeat_unsent(|| async {
            let request = self.request(Method::POST, &url);
            let request = request.header(CONTENT_TYPE, "application/json");
            let response = self.send(request.body(envelope.to_vec())).await?;
            answer::read_json(response, JSON_LIMIT, "the place of an appended entry").await
        })
        .await
    }
}
