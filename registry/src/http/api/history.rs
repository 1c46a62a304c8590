//! `GET /api/v1/projects/{project}/history`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_schemas::ChannelName;
use bulla_schemas::api::{Page, Promotion};
use serde::Deserialize;

use super::page::PageQuery;
use super::view::View;
use crate::app::App;
use crate::blocking::blocking;
use crate::http::caller::Caller;
use crate::http::extract::{Path, Query};
use crate::http::problem::Problem;

/// Which channel; all when absent.
#[derive(Debug, Deserialize)]
pub(crate) struct HistoryQuery {
    channel: Option<ChannelName>,
}

/// Lists a project's promotions, newest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(project): Path<String>,
    Query(HistoryQuery { channel }): Query<HistoryQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Promotion>>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let before = query.before_entry()?;
    blocking(move || {
        let promotions = view
            .state()
            .promotions_before(&view.project, before)
            .rev()
            .filter(|promotion| {
                channel
                    .as_ref()
                    .is_none_or(|name| promotion.channel == *name)
            })
            .map(Promotion::from);
        query.take(promotions, |item| item.entry.to_string())
    })
    .await
    .map(Json)
}
