//! `GET /api/v1/projects/{project}/where`, and what follows from a report and the log.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_schemas::Timestamp;
use bulla_schemas::api::{Deployment, DeploymentState, Page, ProjectReport};
use bulla_schemas::statement::Severity;
use bulla_trust::LogState;

use super::page::PageQuery;
use super::view::View;
use crate::app::App;
use crate::blocking::blocking;
use crate::database::HostRow;
use crate::http::caller::Caller;
use crate::http::extract::{Path, Query};
use crate::http::problem::Problem;

/// Most hosts that are looked at for a page: each may say ten kilobytes about a project.
const MOST: u32 = 100;

/// Lists the hosts that reported about a project, by name.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(project): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Deployment>>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let query = query.at_most(MOST);
    let database = &app.catalog.database;
    let rows = database
        .project_hosts(&view.project, query.after_name(), MOST + 1)
        .await?;
    let now = app.clock.now();
    blocking(move || {
        let deployments = rows
            .into_iter()
            .map(|(host, report)| describe(view.state(), &host, report, now));
        query.take(deployments, |item| item.host.to_string())
    })
    .await
    .map(Json)
}

/// Tells what follows from what a host said about a project.
pub(super) fn describe(
    log: &LogState,
    host: &HostRow,
    report: ProjectReport,
    now: Timestamp,
) -> Deployment {
    let project = &report.project;
    let head = report.channel.as_ref().and_then(|channel| {
        let head = log.head(project, channel);
        head.map(|head| head.hash)
    });
    let is_revoked = report
        .live
        .is_some_and(|live| log.revocation(project, &live) == Some(Severity::Block));
    let silent_since = silent_since(host, now);
    Deployment {
        host: host.host.clone(),
        state: match silent_since {
            Some(_) => DeploymentState::Silent,
            None => report.state(head, is_revoked),
        },
        received_at: host.received_at,
        silent_since,
        head,
        report,
    }
}

/// Tells since when a host is silent, if it is.
pub(super) fn silent_since(host: &HostRow, now: Timestamp) -> Option<Timestamp> {
    let is_silent = host.facts.is_silent(host.received_at, now);
    is_silent.then_some(host.received_at)
}
