//! `blobs/<digest>`: reading.

use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use bulla_schemas::ProjectName;

use crate::app::App;
use crate::http::content::Content;
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
    let blob = app.catalog.blob(project, &digest).await?;
    let blob = blob.ok_or_else(|| Problem::BlobUnknown {
        digest: digest.to_string(),
    })?;
    let content = Content {
        blob,
        digest,
        media_type: OCTETS,
        mender: app.catalog.mender.clone(),
    };
    content.answer(method, headers)
}
