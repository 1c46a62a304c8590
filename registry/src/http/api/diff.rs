//! `GET /api/v1/projects/{project}/diff/{from}/{to}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bulla_schemas::api::Diff;
use bulla_schemas::{ChannelName, Digest};

use super::page::PageQuery;
use super::view::View;
use crate::app::App;
use crate::http::bounded;
use crate::http::caller::Caller;
use crate::http::extract::{Path, Query};
use crate::http::problem::Problem;

/// Compares two releases, each named by a hash or by the channel that points to it, and answers
/// with a page of the paths that differ.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((project, from, to)): Path<(String, String, String)>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let (from, to) = (resolve(&view, &from)?, resolve(&view, &to)?);
    let account = caller.account();
    let page = move |mut diff: Diff| {
        let changes = std::mem::take(&mut diff.changes)
            .into_iter()
            .filter(|change| change.path.as_str() > query.after_name());
        let page = query.take(changes, |change| change.path.to_string())?;
        serde_json::to_vec(&Diff {
            changes: page.items,
            next: page.next,
            ..diff
        })
        .map_err(Problem::internal)
    };
    let diff = app.catalog.compare(&account, from, to, page).await?;
    bounded::json(
        &app,
        &caller,
        diff.ok_or_else(|| Problem::not_found("bundle", &from))??,
    )
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
