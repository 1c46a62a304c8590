//! `/log/...`: the log's files, and the one way to append.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bulla_trust::tile::TilePath;
use bulla_trust::{Statement, Submission};
use serde::Deserialize;

use crate::access::Scope::{Admin, Pull, Push};
use crate::app::App;
use crate::blocking::blocking;
use crate::http::body::read_all;
use crate::http::caller::Caller;
use crate::http::content::IMMUTABLE;
use crate::http::extract::{Path, query};
use crate::http::mirror;
use crate::http::problem::Problem;

/// Most bytes of a request that appends: above the limit of an envelope, so that replay's own
/// sentence about its size is what the client reads.
const MOST_BYTES: u64 = 64 * 1024;

/// `GET /log/checkpoint`
pub(crate) async fn checkpoint(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.may_somewhere(Pull)?;
    let checkpoint = app.catalog.log.shown().note.clone();
    if checkpoint.is_empty() {
        return Err(Problem::NoPolicy);
    }
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, checkpoint).into_response())
}

/// `GET /log/tile/...`
pub(crate) async fn tile(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    caller.may_somewhere(Pull)?;
    let tile: TilePath = format!("tile/{path}").parse().map_err(Problem::malformed)?;
    let size = app.catalog.published().state.size();
    let files = app.catalog.log.files().clone();
    let (object, length) = blocking(move || files.open(tile, size))
        .await?
        .ok_or_else(|| Problem::not_found("published tile", &tile))?;
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (CONTENT_LENGTH, length.into()),
        (CACHE_CONTROL, IMMUTABLE),
    ];
    // Full bundles may have megabytes, which no client that reads slowly may keep in memory.
    let stream = object.stream(0, length).map_err(Problem::internal)?;
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// What of a statement may come after it.
#[derive(Debug, Default, Deserialize)]
struct AppendQuery {
    content: Option<ComesLater>,
}

/// The bundle that a statement is about comes later: the log comes again that was lost.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ComesLater {
    Later,
}

/// `POST /log/entries`
pub(crate) async fn append(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.may_somewhere(Push)?;
    let asked: AppendQuery = query(request.uri())?;
    if asked.content.is_some() {
        caller.may_everywhere(Admin)?;
    }
    mirror::refuse(&app, "")?;
    let (bytes, _share) = read_all(&app, &caller, request, MOST_BYTES).await?;
    let submission = Submission::from_bytes(&bytes).map_err(Problem::malformed)?;
    check_access(&app, &caller, submission.statement())?;
    let (submission, now) = (Arc::new(submission), app.clock.now());
    let (catalog, token) = (&app.catalog, caller.token_id());
    let appended = match asked.content {
        None => catalog.append(submission, token, now).await?,
        Some(ComesLater::Later) => catalog.append_lost(submission, token, now).await?,
    };
    Ok((StatusCode::CREATED, Json(appended)).into_response())
}

/// Signatures decide what a statement is worth; a token only lets it in. The first policy is the
/// exception: it decides whose signatures count.
fn check_access(app: &App, caller: &Caller, statement: &Statement) -> Result<(), Problem> {
    let has_policy = app.catalog.published().state.policy().is_some();
    match statement {
        Statement::Policy(_) if !has_policy => caller.may_everywhere(Push),
        Statement::Policy(_) => caller.may_somewhere(Push),
        _ if !has_policy => Err(Problem::NoPolicy),
        statement => statement
            .projects()
            .try_for_each(|project| caller.may(Push, project)),
    }
}
