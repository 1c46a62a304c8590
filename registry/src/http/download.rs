//! `GET /dl/{project}/{hash}.tar.zst`: the payload for a person with curl.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::Response;
use bulla_schemas::ProjectName;

use crate::access::Scope;
use crate::app::App;
use crate::http::api::view::find_release;
use crate::http::caller::Caller;
use crate::http::content::{Content, IMMUTABLE, ascii};
use crate::http::extract::Path;
use crate::http::mirror;
use crate::http::problem::Problem;

/// Answers GET and HEAD.
pub(crate) async fn payload(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(path): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (project, file) = path.rsplit_once('/').ok_or(Problem::NoSuchPath)?;
    let hash = file.strip_suffix(".tar.zst").ok_or(Problem::NoSuchPath)?;
    let project: ProjectName = project.parse().map_err(Problem::Name)?;
    caller.may(Scope::Pull, &project)?;
    let published = app.catalog.published();
    let hash = find_release(&published.state, &project, hash)?.hash;
    let (digest, blob) = app
        .catalog
        .payload(hash)
        .await?
        .ok_or_else(|| Problem::not_found("bundle", &hash))
        .map_err(|problem| mirror::elsewhere(&app, &project, problem))?;
    let content = Content {
        blob,
        digest,
        media_type: HeaderValue::from_static("application/zstd"),
        caching: IMMUTABLE,
        mender: &app.catalog.mender,
    };
    let mut response = content.answer(request.method(), request.headers())?;
    let name = format!(
        "attachment; filename=\"{}-{}.tar.zst\"",
        project.file_stem(),
        hash.short()
    );
    response
        .headers_mut()
        .insert(CONTENT_DISPOSITION, ascii(&name));
    Ok(response)
}
