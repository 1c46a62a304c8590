//! `tags/list` (OCI Distribution 1.1, "Listing Tags"). A project's channels are among its tags.

use axum::http::Uri;
use axum::http::header::LINK;
use axum::response::Response;
use bulla_schemas::ProjectName;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::http::bounded;
use crate::http::caller::Caller;
use crate::http::content::ascii;
use crate::http::extract::query;
use crate::http::problem::Problem;

/// Most tags in one answer.
const MOST: u32 = 1000;

#[derive(Deserialize)]
struct TagsQuery {
    n: Option<u32>,
    last: Option<String>,
}

/// Answers GET.
pub(crate) async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    uri: &Uri,
) -> Result<Response, Problem> {
    let query: TagsQuery = query(uri)?;
    let _turn = bounded::turn(app, caller).await?;
    let count = query.n.unwrap_or(MOST).min(MOST);
    let last = query.last.unwrap_or_default();
    let mut tags = app.catalog.database.tags(project, &last, count + 1).await?;
    let channels = app.catalog.channel_names(project);
    if tags.is_empty()
        && channels.is_empty()
        && !app.catalog.database.has_repository(project).await?
    {
        return Err(Problem::NameUnknown {
            name: project.to_string(),
        });
    }
    tags.extend(channels.into_iter().filter(|channel| *channel > last));
    tags.sort_unstable();
    tags.dedup();
    let more = tags.len() > count as usize;
    tags.truncate(count as usize);
    let next = tags.last().filter(|_| more).map(|last| {
        ascii(&format!(
            "</v2/{project}/tags/list?n={count}&last={last}>; rel=\"next\""
        ))
    });
    let text = json!({ "name": project, "tags": tags }).to_string();
    let mut response = bounded::json(app, caller, text.into())?;
    if let Some(next) = next {
        response.headers_mut().insert(LINK, next);
    }
    Ok(response)
}
