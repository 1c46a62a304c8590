//! Answers that are made in memory: only a few are made at once, and all that clients have not yet
//! taken of them together is bounded, so that clients which ask for much and read nothing cost
//! memory only up to a limit. Content that lies in files is sent piece by piece and needs none of
//! this.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use crate::app::App;
use crate::budget::Share;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::turns::Turn;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer of at most so many bytes does not count: a connection may hold as much anyway.
const SHORT: u64 = 64 * 1024;

/// Makes the answers of the routes below it, each when it is its caller's turn.
pub(crate) async fn layer(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let _turn = turn(&app, &caller).await?;
    let (parts, body) = next.run(request).await.into_parts();
    let Some(size) = body.size_hint().exact() else {
        return Ok(Response::from_parts(parts, body));
    };
    let share = share(&app, &caller, size)?;
    let bytes = body.collect().await.map_err(Problem::internal)?.to_bytes();
    Ok(Response::from_parts(parts, self::body(bytes, share)))
}

/// Waits until it is the caller's turn to have an answer made, but not for long.
pub(crate) async fn turn(app: &App, caller: &Caller) -> Result<Turn, Problem> {
    let account = caller.account();
    let turn = app.answering.take(&account);
    let turn = tokio::time::timeout(PATIENCE, turn).await;
    turn.ok().flatten().ok_or(Problem::Busy)
}

/// Takes the memory for an answer of `size` bytes, when there is enough.
pub(crate) fn share(app: &App, caller: &Caller, size: u64) -> Result<Option<Share>, Problem> {
    if size <= SHORT {
        return Ok(None);
    }
    let share = app.answers.take(&caller.account(), size);
    share.map(Some).ok_or(Problem::Busy)
}

/// Makes a body that keeps its share until its last byte is with the client.
pub(crate) fn body(bytes: Bytes, share: Option<Share>) -> Body {
    match share {
        None => bytes.into(),
        Some(share) => Bytes::from_owner(Held {
            bytes,
            _share: share,
        })
        .into(),
    }
}

/// Answers with JSON that was written for the caller.
pub(crate) fn json(app: &App, caller: &Caller, text: Vec<u8>) -> Result<Response, Problem> {
    let share = share(app, caller, text.len() as u64)?;
    let mut response = Response::new(body(text.into(), share));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

struct Held {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
