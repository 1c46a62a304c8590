//! `blobs/<digest>`: reading.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use bulla_schemas::ProjectName;

use crate::app::{App, blocking};
use crate::content::Content;
use crate::oci_digest::OciDigest;
use crate::problem::Problem;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Answers GET and HEAD.
pub(crate) async fn read(
    app: &Arc<App>,
    project: &ProjectName,
    digest: OciDigest,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let unknown = || Problem::BlobUnknown {
        digest: digest.to_string(),
    };
    // Manifests are content too, and some clients fetch them as blobs.
    if !app.database.has_blob(project, &digest).await?
        && app.database.manifest(project, &digest).await?.is_none()
    {
        return Err(unknown());
    }
    let (store, wanted) = (app.blobs.clone(), digest.clone());
    let (file, size) = blocking(move || Ok(store.open(&wanted)?))
        .await?
        .ok_or_else(unknown)?;
    let content = Content {
        file,
        size,
        digest,
        media_type: OCTETS,
    };
    content.answer(method, headers)
}
