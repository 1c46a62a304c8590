//! `/log/cosignatures`: what witnesses said of the log, and the way to say it. A cosignature is taken
//! for its key, which the policy names, and not for a token.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::api::CosignatureReceipt;

use crate::access::Scope::Pull;
use crate::app::App;
use crate::blocking::blocking;
use crate::http::body::read_all;
use crate::http::caller::Caller;
use crate::http::mirror;
use crate::http::problem::Problem;
use crate::log::CosignatureError;

/// Most bytes of a checkpoint with cosignatures.
const MOST_BYTES: u64 = 64 * 1024;

/// Answers GET.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    caller.may_somewhere(Pull)?;
    let log = &app.catalog.log;
    let published = log.published();
    if published.checkpoint.is_empty() {
        return Err(Problem::NoPolicy);
    }
    let all = log.cosigned().all(&published);
    Ok(([(CACHE_CONTROL, "no-store")], Json(all)).into_response())
}

/// Answers POST.
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<Json<CosignatureReceipt>, Problem> {
    caller.may_somewhere(Pull)?;
    mirror::refuse(&app, "GET, HEAD")?;
    let (note, _share) = read_all(&app, &caller, request, MOST_BYTES).await?;
    let log = &app.catalog.log;
    let (published, cosigned, now) = (log.published(), log.cosigned(), app.clock.now());
    if published.checkpoint.is_empty() {
        return Err(Problem::NoPolicy);
    }
    let added = blocking(move || cosigned.add(&published, &note, now));
    let receipt = added
        .await
        .map_err(|error: CosignatureError| Problem::from(error))?;
    Ok(Json(receipt))
}
