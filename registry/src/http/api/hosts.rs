//! `/api/v1/hosts`: what hosts say of themselves, and where they say it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::api::{HostDetail, HostReport, HostSummary, Page, ProjectReport, ReportReceipt};
use bulla_schemas::{HostName, ProjectName, Timestamp};
use serde::Deserialize;

use super::deployments::{describe, silent_since};
use super::page::{MOST_BYTES, PageQuery};
use crate::access::Scope;
use crate::app::App;
use crate::blocking::blocking;
use crate::database::{Changes, HostRow, ReportRow};
use crate::http::body::read_all;
use crate::http::caller::Caller;
use crate::http::extract::{Path, Query};
use crate::http::mirror;
use crate::http::problem::Problem;
use crate::log::Published;

/// Most bytes of a report.
const MOST_REPORT_BYTES: u64 = 256 * 1024;
/// Most hosts, and most changes of a host, in a page.
const MOST: u32 = 100;

/// `POST /api/v1/hosts/{host}/report`: takes in what a host says of itself. Only a token that is
/// bound to the host may say it. What it says of projects that the token is not for is left out.
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(host): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let host: HostName = host.parse().map_err(Problem::malformed)?;
    caller.may_report(&host)?;
    // The origin shows where everything is, and a report to two places would be two truths.
    mirror::refuse(&app, "")?;
    let now = app.clock.now();
    app.count_report(caller.token_id(), now)
        .map_err(Problem::TooManyReports)?;
    let (bytes, _share) = read_all(&app, &caller, request, MOST_REPORT_BYTES).await?;
    let (row, left_out) = blocking(move || {
        let report: HostReport = serde_json::from_slice(&bytes).map_err(Problem::malformed)?;
        let is_covered =
            |report: &ProjectReport| caller.may(Scope::Report, &report.project).is_ok();
        let (taken, left_out) = report.projects.partition(is_covered);
        let row = ReportRow::new(&report.facts, taken).map_err(Problem::internal)?;
        let left_out: Vec<_> = left_out.into_iter().map(|report| report.project).collect();
        Ok::<_, Problem>((row, left_out))
    })
    .await?;
    let checked = Arc::clone(&app);
    blocking(move || checked.uploads.require_space()).await?;
    let most = app.settings.most_hosts;
    app.catalog.take_report(&host, &row, now, most).await?;
    if left_out.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(ReportReceipt { left_out }).into_response())
}

/// `GET /api/v1/hosts`: lists the hosts of which the caller may read a project, by name.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<HostSummary>>, Problem> {
    caller.may_somewhere(Scope::Pull)?;
    let query = query.at_most(MOST);
    let database = &app.catalog.database;
    let hosts = database.hosts(query.after_name(), MOST + 1).await?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    let mut more = hosts.len() > MOST as usize;
    for host in hosts {
        // What is read of hosts that the caller may not see is bounded too.
        if bytes > MOST_BYTES {
            more = true;
            break;
        }
        let reports = database.host_projects(&host.host).await?;
        bytes += reports.bytes;
        found.push((host, reports.items));
    }
    let last = found.last().filter(|_| more);
    let last = last.map(|(host, _)| host.host.to_string());
    let (published, now) = (app.catalog.published(), app.clock.now());
    blocking(move || {
        let summaries = found
            .into_iter()
            .filter_map(|(host, reports)| summarize(&published, &caller, &host, reports, now));
        let mut page = query.take(summaries, |item| item.host.to_string())?;
        page.next = page.next.or(last);
        Ok(Json(page))
    })
    .await
}

/// Which changes; those of all projects when absent.
#[derive(Debug, Deserialize)]
pub(crate) struct DetailQuery {
    project: Option<ProjectName>,
}

/// `GET /api/v1/hosts/{host}`: shows one host, and what it said before.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(host): Path<String>,
    Query(DetailQuery { project }): Query<DetailQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<HostDetail>, Problem> {
    caller.may_somewhere(Scope::Pull)?;
    let host: HostName = host.parse().map_err(Problem::malformed)?;
    let query = query.at_most(MOST);
    let database = &app.catalog.database;
    let unknown = || Problem::not_found("host", &host);
    let row = database.host(&host).await?.ok_or_else(unknown)?;
    let reports = database.host_projects(&host).await?;
    let asked = Changes {
        host: &host,
        project: project.as_ref(),
        before: query.before_entry()?,
        limit: MOST + 1,
    };
    let changes = database.host_changes(&asked).await?;
    let (published, now) = (app.catalog.published(), app.clock.now());
    let detail = blocking(move || {
        let summary = summarize(&published, &caller, &row, reports.items, now);
        let Some(summary) = summary else {
            return Ok(None);
        };
        let last = changes.last().filter(|_| changes.len() > MOST as usize);
        let last = last.map(|change| change.number.to_string());
        let changes = changes
            .into_iter()
            .filter(|change| caller.may(Scope::Pull, &change.report.project).is_ok());
        let mut history = query.take(changes, |item| item.number.to_string())?;
        history.next = history.next.or(last);
        Ok::<_, Problem>(Some(HostDetail { summary, history }))
    })
    .await?;
    detail.map(Json).ok_or_else(unknown)
}

/// Shows a host to a caller who may read one of its projects, or all there are.
fn summarize(
    published: &Published,
    caller: &Caller,
    host: &HostRow,
    reports: Vec<ProjectReport>,
    now: Timestamp,
) -> Option<HostSummary> {
    let deployments: Vec<_> = reports
        .into_iter()
        .filter(|report| caller.may(Scope::Pull, &report.project).is_ok())
        .map(|report| describe(&published.state, host, report, now))
        .collect();
    if deployments.is_empty() && caller.may_everywhere(Scope::Pull).is_err() {
        return None;
    }
    Some(HostSummary {
        host: host.host.clone(),
        received_at: host.received_at,
        silent_since: silent_since(host, now),
        report: host.facts.clone(),
        deployments,
    })
}
