//! `GET /api/v1/projects/{project}/channels`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_schemas::api::{Page, Promotion};

use super::page::PageQuery;
use super::view::View;
use crate::app::App;
use crate::blocking::blocking;
use crate::http::caller::Caller;
use crate::http::extract::{Path, Query};
use crate::http::problem::Problem;

/// Lists a project's channels, by name.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(project): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Promotion>>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    blocking(move || {
        let channels = view
            .state()
            .channels(&view.project)
            .filter(|head| head.channel.as_str() > query.after_name())
            .map(Promotion::from);
        query.take(channels, |item| item.channel.to_string())
    })
    .await
    .map(Json)
}
