//! `blobs/<digest>`: reading and deleting.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::ProjectName;

use crate::app::App;
use crate::blocking::to_the_end;
use crate::http::content::{Content, IMMUTABLE, wanted};
use crate::http::problem::Problem;
use crate::oci::digest::OciDigest;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Answers GET and HEAD.
pub(crate) async fn read(
    app: &App,
    project: &ProjectName,
    digest: OciDigest,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let blob = app.catalog.blob(project, &digest, wanted(method)).await?;
    let blob = blob.ok_or_else(|| Problem::BlobUnknown {
        digest: digest.to_string(),
    })?;
    let content = Content {
        blob,
        digest,
        media_type: OCTETS,
        caching: IMMUTABLE,
        mender: &app.catalog.mender,
    };
    content.answer(method, headers)
}

/// Answers DELETE: the repository no longer has the blob.
pub(crate) async fn delete(
    app: &Arc<App>,
    project: &ProjectName,
    digest: OciDigest,
) -> Result<Response, Problem> {
    if !app.catalog.is_mutable(project) {
        return Err(Problem::Immutable {
            project: project.clone(),
            allow: "GET, HEAD",
        });
    }
    let (app, project) = (Arc::clone(app), project.clone());
    to_the_end(async move {
        if app.catalog.delete_blob(&project, &digest).await? {
            return Ok(StatusCode::ACCEPTED.into_response());
        }
        Err(Problem::BlobUnknown {
            digest: digest.to_string(),
        })
    })
    .await
}
