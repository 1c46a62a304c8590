//! `_catalog`: the names of all repositories, for administrators (CNCF Distribution, "Catalog"; OCI
//! Distribution reserves the path). A token sees those repositories that it administers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::http::header::LINK;
use axum::response::Response;
use bulla_schemas::ProjectName;
use serde::Deserialize;
use serde_json::json;

use crate::access::Scope;
use crate::app::App;
use crate::http::bounded;
use crate::http::caller::Caller;
use crate::http::content::ascii;
use crate::http::extract::query;
use crate::http::problem::Problem;

/// Most names in one answer.
const MOST: u32 = 1000;

#[derive(Deserialize)]
struct CatalogQuery {
    n: Option<u32>,
    last: Option<String>,
}

/// Answers GET.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.may_somewhere(Scope::Admin)?;
    let query: CatalogQuery = query(&uri)?;
    let count = query.n.unwrap_or(MOST).min(MOST);
    let _turn = bounded::turn(&app, &caller).await?;
    let mut names = page(&app, &caller, query.last.unwrap_or_default(), count + 1).await?;
    let more = names.len() > count as usize;
    names.truncate(count as usize);
    let next = names.last().filter(|_| more);
    let next = next.map(|last| {
        ascii(&format!(
            "</v2/_catalog?n={count}&last={last}>; rel=\"next\""
        ))
    });
    let text = json!({ "repositories": names }).to_string();
    let mut response = bounded::json(&app, &caller, text.into())?;
    if let Some(next) = next {
        response.headers_mut().insert(LINK, next);
    }
    Ok(response)
}

/// Returns up to `limit` names after `last` that the caller administers.
async fn page(
    app: &App,
    caller: &Caller,
    mut last: String,
    limit: u32,
) -> Result<Vec<ProjectName>, Problem> {
    let mut names = Vec::new();
    loop {
        let found = app.catalog.database.repositories(&last, MOST).await?;
        let is_last = found.len() < MOST as usize;
        if let Some(name) = found.last() {
            last = name.to_string();
        }
        let mine = found
            .into_iter()
            .filter(|name| caller.may(Scope::Admin, name).is_ok());
        names.extend(mine);
        if is_last || names.len() >= limit as usize {
            names.truncate(limit as usize);
            return Ok(names);
        }
    }
}
