//! Answers: which statuses say no, and bodies that cannot grow beyond what was expected.

use std::time::Duration;

use bulla_schemas::api::ErrorBody;
use bytes::Bytes;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::error::{Answer, ClientError};
use crate::patience::Patience;

/// Most bytes of an error's body that are read.
const ERROR_LIMIT: u64 = 64 * 1024;
/// Most characters of an error's message that are kept.
const MESSAGE_LIMIT: usize = 1000;

/// The error body of OCI Distribution 1.1, "Error Codes".
#[derive(Deserialize)]
struct OciErrors {
    errors: Vec<OciError>,
}

#[derive(Deserialize)]
struct OciError {
    code: String,
    #[serde(default)]
    message: String,
    /// Of any form; a registry of ours has its hint in there.
    #[serde(default)]
    detail: Value,
}

impl OciError {
    /// Returns what the registry says, with the word for it: the only one that says nothing is left
    /// out.
    fn sentence(&self) -> String {
        match (self.message.as_str(), self.code.as_str()) {
            ("", code) => code.to_owned(),
            (message, "UNKNOWN") => message.to_owned(),
            (message, code) => format!("{message} ({code})"),
        }
    }

    fn hint(&self) -> Option<&str> {
        self.detail.get("hint")?.as_str()
    }
}

/// Returns the answer when it is a success, else what the registry says about its refusal.
pub(crate) async fn require_success(
    method: &Method,
    url: &Url,
    response: Response,
    patience: Patience,
) -> Result<Response, ClientError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let mut answer = Answer {
        request: format!("{method} {url}"),
        status: response.status().as_u16(),
        code: None,
        oci_code: None,
        message: String::new(),
        hint: None,
        retry_after: retry_after(&response),
    };
    // What a refusal says is a courtesy: when it cannot be read, the status stands.
    let body = read_up_to(response, ERROR_LIMIT, patience).await;
    explain(&mut answer, &body.unwrap_or_default());
    Err(ClientError::Answer(Box::new(answer)))
}

fn explain(answer: &mut Answer, body: &[u8]) {
    if let Ok(error) = serde_json::from_slice::<ErrorBody>(body) {
        answer.code = Some(error.error);
        answer.message = cut(&error.message);
        answer.hint = error.hint.as_deref().map(cut);
    } else if let Ok(OciErrors { errors }) = serde_json::from_slice(body) {
        let sentences: Vec<_> = errors.iter().map(OciError::sentence).collect();
        answer.message = cut(&sentences.join("; "));
        answer.hint = errors.iter().find_map(OciError::hint).map(cut);
        answer.oci_code = errors.first().map(|error| cut(&error.code));
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_LIMIT).collect()
}

/// `Retry-After` in seconds; a date is not understood.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// Turns a failure of `reqwest` into ours.
pub(crate) fn failure(url: &Url, proxy: Option<&str>, source: reqwest::Error) -> ClientError {
    let source = source.without_url();
    let url = url.to_string();
    if source.is_redirect() {
        return ClientError::Malformed {
            url,
            expected: "reached after a few redirects",
            source: Some(Box::new(source)),
        };
    }
    if source.is_connect() || source.is_timeout() {
        let proxy = proxy.map(str::to_owned);
        ClientError::Unreachable {
            url,
            proxy,
            source: source.into(),
        }
    } else {
        ClientError::Interrupted {
            url,
            source: source.into(),
        }
    }
}

/// Returns the next piece of a body, `None` at its end.
pub(crate) async fn next_piece(
    response: &mut Response,
    patience: Patience,
) -> Result<Option<Bytes>, ClientError> {
    let idle = patience.idle();
    match tokio::time::timeout(idle, response.chunk()).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(source)) => Err(ClientError::Interrupted {
            url: response.url().to_string(),
            source: source.without_url().into(),
        }),
        Err(_) => Err(ClientError::Stalled {
            url: response.url().to_string(),
            idle,
        }),
    }
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read(
    response: Response,
    limit: u64,
    patience: Patience,
) -> Result<Vec<u8>, ClientError> {
    let url = response.url().to_string();
    if response.content_length().is_some_and(|size| size > limit) {
        return Err(ClientError::TooLarge { url, limit });
    }
    let body = read_up_to(response, limit + 1, patience).await?;
    if body.len() as u64 > limit {
        return Err(ClientError::TooLarge { url, limit });
    }
    Ok(body)
}

/// Reads a body and stops after `limit` bytes, or when it has taken too long as a whole.
async fn read_up_to(
    response: Response,
    limit: u64,
    patience: Patience,
) -> Result<Vec<u8>, ClientError> {
    let (url, whole) = (response.url().to_string(), patience.whole());
    let read = tokio::time::timeout(whole, read_pieces(response, limit, patience)).await;
    read.map_err(|_| ClientError::Slow { url, limit: whole })?
}

async fn read_pieces(
    mut response: Response,
    limit: u64,
    patience: Patience,
) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(piece) = next_piece(&mut response, patience).await? {
        let room = limit - body.len() as u64;
        let taken = usize::try_from(room).map_or(piece.len(), |room| room.min(piece.len()));
        body.extend_from_slice(&piece[..taken]);
        if body.len() as u64 == limit {
            break;
        }
    }
    Ok(body)
}
