//! `GET /api/v1/projects/{project}/releases` and `.../releases/{hash}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_schemas::api::{Page, ReleaseDetail, ReleaseSummary};

use super::page::PageQuery;
use super::view::View;
use crate::app::App;
use crate::blocking::blocking;
use crate::http::caller::Caller;
use crate::http::extract::{Path, Query};
use crate::http::problem::Problem;

/// Lists a project's releases, newest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(project): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ReleaseSummary>>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let before = query.before_entry()?;
    blocking(move || {
        let releases = view
            .state()
            .releases_before(&view.project, before)
            .rev()
            .map(|release| view.state().release_summary(&view.project, release));
        query.take(releases, |item| item.entry.to_string())
    })
    .await
    .map(Json)
}

/// Shows one release.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((project, hash)): Path<(String, String)>,
) -> Result<Json<ReleaseDetail>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let release = view.release(&hash)?;
    let hash = release.hash;
    Ok(Json(ReleaseDetail {
        summary: view.state().release_summary(&view.project, release),
        document: app
            .catalog
            .release_document(hash)
            .await?
            .ok_or_else(|| Problem::not_found("bundle", &hash))?,
    }))
}
