//! `GET /api/v1/projects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_schemas::api::{Page, ProjectSummary};

use super::page::PageQuery;
use crate::access::Scope;
use crate::app::App;
use crate::blocking::blocking;
use crate::http::caller::Caller;
use crate::http::extract::Query;
use crate::http::problem::Problem;

/// Lists the projects that the caller may read, by name.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ProjectSummary>>, Problem> {
    caller.may_somewhere(Scope::Pull)?;
    let published = app.catalog.log.published();
    blocking(move || {
        let state = &published.state;
        let projects = state
            .projects()
            .filter(|project| project.as_str() > query.after_name())
            .filter(|project| caller.may(Scope::Pull, project).is_ok())
            .map(|project| state.project_summary(project));
        query.take(projects, |item| item.project.to_string())
    })
    .await
    .map(Json)
}
