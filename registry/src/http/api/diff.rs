//! `GET /api/v1/projects/{project}/diff/{from}/{to}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_schemas::api::Diff;
use bulla_schemas::{ChannelName, Digest};

use super::view::View;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::extract::Path;
use crate::http::problem::Problem;

/// Compares two releases, each named by a hash or by the channel that points to it.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((project, from, to)): Path<(String, String, String)>,
) -> Result<Json<Diff>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let (from, to) = (resolve(&view, &from)?, resolve(&view, &to)?);
    let diff = app.catalog.compare(from, to).await?;
    let diff = diff.ok_or_else(|| Problem::not_found("bundle", &from))?;
    Ok(Json(diff))
}

fn resolve(view: &View, name: &str) -> Result<Digest, Problem> {
    // No channel's name looks like a hash.
    let Ok(channel) = name.parse::<ChannelName>() else {
        return Ok(view.release(name)?.hash);
    };
    view.state()
        .head(&view.project, &channel)
        .map(|head| head.hash)
        .ok_or_else(|| Problem::not_found("channel", &channel))
}
