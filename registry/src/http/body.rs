//! Request bodies: bounded in size, and in the time a client may stay silent.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::http::problem::Problem;

/// How long a client may send nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for the next bytes of a body; nothing at its end.
pub(crate) async fn next_bytes(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame())
            .await
            .map_err(|_| Problem::BodyLost)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Problem::BodyLost),
            // Trailers are skipped.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_all(mut body: Body, limit: u64) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    while let Some(data) = next_bytes(&mut body).await? {
        if (whole.len() + data.len()) as u64 > limit {
            return Err(Problem::TooLarge { limit });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Returns the announced length of a body.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
