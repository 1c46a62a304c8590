//! A witness that is asked: C2SP tlog-witness, `add-checkpoint`. What it answers is not verified here.

use bulla_trust::witness::{ADD_CHECKPOINT, AddCheckpoint};
use reqwest::{Method, StatusCode};

use crate::client::Client;
use crate::error::ClientError;
use crate::http::Http;

/// Most bytes of lines with cosignatures.
const LINES_LIMIT: u64 = 16 * 1024;
/// Most bytes of a size.
const SIZE_LIMIT: u64 = 64;

/// What a witness answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// Lines with cosignatures, as they stand under a checkpoint.
    Cosigned(Vec<u8>),
    /// It cosigned another size last than was said.
    Knows(u64),
    /// What it cosigned last is not the beginning of this tree.
    Inconsistent,
}

impl Client {
    /// Asks the witness at this client's address to cosign a checkpoint. It is asked once.
    pub async fn add_checkpoint(
        &self,
        request: &AddCheckpoint,
    ) -> Result<WitnessAnswer, ClientError> {
        let url = self.at([ADD_CHECKPOINT]);
        let request = self.request(Method::POST, &url).body(request.to_bytes());
        let response = self.exchange(Http::finish(request)?).await?;
        if response.status() == StatusCode::CONFLICT {
            let body = self.read(response, SIZE_LIMIT).await?;
            let size = std::str::from_utf8(&body).ok();
            let size = size.and_then(|size| size.trim_end_matches('\n').parse().ok());
            return size
                .map(WitnessAnswer::Knows)
                .ok_or(ClientError::Malformed {
                    url: url.to_string(),
                    expected: "the size that a witness knows",
                    source: None,
                });
        }
        if response.status() == StatusCode::UNPROCESSABLE_ENTITY {
            return Ok(WitnessAnswer::Inconsistent);
        }
        let response = self.require_success(&Method::POST, response).await?;
        let lines = self.read(response, LINES_LIMIT).await?;
        Ok(WitnessAnswer::Cosigned(lines))
    }
}
