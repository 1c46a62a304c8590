//! `GET /dl/{project}/{hash}.tar.zst`: the payload for a person with curl.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::Response;
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Manifest;

use crate::access::Scope;
use crate::api::find_release;
use crate::app::{App, blocking};
use crate::caller::Caller;
use crate::content::{Content, ascii};
use crate::extract::Path;
use crate::problem::Problem;

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
    let published = app.log.published();
    let hash = find_release(&published.state, &project, hash)?.hash;
    let blobs = app.blobs.clone();
    let (file, size, digest) = blocking(move || {
        let absent = || Problem::not_found("bundle", &hash);
        let manifest = blobs
            .read(&hash.into(), Manifest::MAX_LEN)?
            .ok_or_else(absent)?;
        let manifest = Manifest::from_bytes(&manifest).map_err(Problem::internal)?;
        let digest = manifest.payload().digest.into();
        let (file, size) = blobs.open(&digest)?.ok_or_else(absent)?;
        Ok((file, size, digest))
    })
    .await?;
    let content = Content {
        file,
        size,
        digest,
        media_type: HeaderValue::from_static("application/zstd"),
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
