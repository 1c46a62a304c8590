//! `/api/v1/proposals`: statements that wait for signatures. Signatures decide what they are worth; a
//! token only lets them in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use bulla_schemas::api::{Page, Proposal};
use bulla_schemas::{Digest, Timestamp};
use bulla_trust::{Statement, Submission};
use serde::Deserialize;

use super::page::PageQuery;
use crate::access::Scope::{self, Admin, Pull, Push};
use crate::app::App;
use crate::blocking::blocking;
use crate::database::ProposalRow;
use crate::http::body::read_all;
use crate::http::bounded;
use crate::http::caller::Caller;
use crate::http::extract::{Path, Query};
use crate::http::mirror;
use crate::http::problem::Problem;
use crate::publish::Proposing;

/// Most bytes of a request: above the limit of an envelope, so that replay's own sentence about its size
/// is what the client reads.
const MOST_BYTES: u64 = 64 * 1024;
/// Most proposals in a page.
const MOST: u32 = 100;
const DAY: u32 = 24 * 60 * 60;

/// How long a new proposal is kept.
#[derive(Debug, Deserialize)]
pub(crate) struct ExpiryQuery {
    /// In seconds.
    expires: Option<u32>,
}

impl ExpiryQuery {
    fn after(&self, now: Timestamp) -> Result<Timestamp, Problem> {
        let seconds = self.expires.unwrap_or(7 * DAY);
        if !(60..=30 * DAY).contains(&seconds) {
            let error = format!("expected 60 to {} seconds, found {seconds}", 30 * DAY);
            return Err(Problem::malformed(error));
        }
        Timestamp::from_seconds(now.as_seconds() + i64::from(seconds)).map_err(Problem::malformed)
    }
}

/// `GET /api/v1/proposals`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Proposal>>, Problem> {
    caller.may_somewhere(Pull)?;
    mirror::refuse(&app, "")?;
    let _turn = bounded::turn(&app, &caller).await?;
    let query = query.at_most(MOST);
    let (database, now) = (&app.catalog.database, app.clock.now());
    let rows = database.proposals(query.after_name(), now, MOST + 1);
    let rows = rows.await?;
    let last = rows.last().filter(|_| rows.len() > MOST as usize);
    let last = last.map(|row| row.id.to_string());
    let seen = rows
        .into_iter()
        .filter(|row| may(&caller, Pull, row).is_ok());
    let seen: Result<Vec<_>, _> = seen.map(|row| show(row, None)).collect();
    let mut page = query.take(seen?.into_iter(), |item| item.id.to_string())?;
    page.next = page.next.or(last);
    Ok(Json(page))
}

/// `POST /api/v1/proposals`
pub(crate) async fn propose(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(expiry): Query<ExpiryQuery>,
    request: Request,
) -> Result<Json<Proposal>, Problem> {
    caller.may_somewhere(Push)?;
    mirror::refuse(&app, "")?;
    let now = app.clock.now();
    let expires_at = expiry.after(now)?;
    let (bytes, _share) = read_all(&app, &caller, request, MOST_BYTES).await?;
    let submission = Submission::from_bytes(&bytes).map_err(Problem::malformed)?;
    if app.catalog.published().state.policy().is_none() {
        return Err(Problem::NoPolicy);
    }
    let may_all = |scope, statement: &Statement| {
        let mut projects = statement.projects();
        projects.try_for_each(|project| caller.may(scope, project))
    };
    let (may, is_admin) = match submission.statement() {
        Statement::Policy(_) => (caller.may_somewhere(Push), caller.may_everywhere(Admin)),
        statement => (may_all(Push, statement), may_all(Admin, statement)),
    };
    may?;
    let checked = Arc::clone(&app);
    blocking(move || checked.uploads.require_space()).await?;
    let proposing = Proposing {
        token: caller.token_id(),
        is_admin: is_admin.is_ok(),
        expires_at,
        limits: app.settings.proposals,
    };
    let proposed = app.catalog.propose(submission, proposing, now).await?;
    let displaced = proposed.displaced;
    let shown = show(proposed.row, proposed.entry)?;
    Ok(Json(Proposal { displaced, ..shown }))
}

/// `GET /api/v1/proposals/{id}`
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Proposal>, Problem> {
    caller.may_somewhere(Pull)?;
    mirror::refuse(&app, "")?;
    let row = find(&app, &caller, &id).await?;
    may(&caller, Pull, &row)?;
    Ok(Json(show(row, None)?))
}

/// `DELETE /api/v1/proposals/{id}`: for the token that it came with, and for one with all rights to its
/// project. Others who do not want it do not sign it.
pub(crate) async fn withdraw(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may_somewhere(Push)?;
    mirror::refuse(&app, "")?;
    let row = find(&app, &caller, &id).await?;
    may(&caller, Push, &row)?;
    if row.token != caller.token_id() {
        may(&caller, Admin, &row)?;
    }
    app.catalog.withdraw(&row.id, app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Finds a proposal of which the caller may know.
async fn find(app: &App, caller: &Caller, id: &str) -> Result<ProposalRow, Problem> {
    let id: Digest = id.parse().map_err(Problem::malformed)?;
    let row = app.catalog.database.proposal(&id, app.clock.now()).await?;
    let knows = |scope, row: &ProposalRow| may(caller, scope, row).is_ok();
    let row = row.filter(|row| knows(Pull, row) || knows(Push, row));
    row.ok_or_else(|| Problem::not_found("proposal", &id))
}

/// Policies are in the log, which whoever may read anything reads.
fn may(caller: &Caller, scope: Scope, row: &ProposalRow) -> Result<(), Problem> {
    match &row.project {
        Some(project) => caller.may(scope, project),
        None if scope == Admin => caller.may_everywhere(scope),
        None => caller.may_somewhere(scope),
    }
}

fn show(row: ProposalRow, entry: Option<u64>) -> Result<Proposal, Problem> {
    Ok(Proposal {
        id: row.id,
        envelope: serde_json::from_str(&row.envelope).map_err(Problem::internal)?,
        proposed_by: row.proposed_by,
        proposed_at: row.proposed_at,
        expires_at: row.expires_at,
        entry,
        displaced: Vec::new(),
    })
}
