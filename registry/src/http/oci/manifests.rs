//! `manifests/<tag or digest>`: reading and pushing.

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Manifest;

use crate::app::App;
use crate::database::ManifestRow;
use crate::http::body::read_all;
use crate::http::caller::Caller;
use crate::http::content::{Content, ascii};
use crate::http::problem::Problem;
use crate::oci::reference::Reference;
use crate::publish::PublishError;

/// Answers GET and HEAD. Whatever `Accept` says, the manifest comes as it was pushed.
pub(crate) async fn read(
    app: &App,
    project: &ProjectName,
    reference: &Reference,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let found = app.catalog.manifest(project, reference).await?;
    let (manifest, blob) = found.ok_or_else(|| Problem::ManifestUnknown {
        reference: reference.to_string(),
    })?;
    let content = Content {
        blob,
        media_type: ascii(&manifest.media_type),
        digest: manifest.digest,
        mender: app.catalog.mender.clone(),
    };
    let mut response = content.answer(method, headers)?;
    if matches!(reference, Reference::Tag(_)) {
        // The tag may be a channel's and move.
        response
            .headers_mut()
            .insert("cache-control", HeaderValue::from_static("no-cache"));
    }
    Ok(response)
}

/// Answers PUT.
pub(crate) async fn push(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    reference: Reference,
    request: Request,
) -> Result<Response, Problem> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(ToOwned::to_owned);
    let (bytes, _share) = read_all(app, caller, request, Manifest::MAX_LEN).await?;
    let catalog = &app.catalog;
    let manifest = catalog
        .push_manifest(
            caller.token_id(),
            project,
            reference,
            bytes,
            content_type.as_deref(),
        )
        .await?;
    Ok(created(project, &manifest))
}

/// Answers DELETE: nothing is deleted through this interface, a channel's tag least of all.
pub(crate) fn delete(
    app: &App,
    project: &ProjectName,
    reference: &Reference,
) -> Result<Response, Problem> {
    match reference {
        Reference::Tag(tag) if app.catalog.is_channel(project, tag) => {
            let tag = tag.to_string();
            Err(PublishError::TagIsChannel { tag }.into())
        }
        _ => Err(Problem::Unsupported {
            allow: "GET, HEAD, PUT",
        }),
    }
}

fn created(project: &ProjectName, manifest: &ManifestRow) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    let digest = &manifest.digest;
    headers.insert(
        LOCATION,
        ascii(&format!("/v2/{project}/manifests/{digest}")),
    );
    headers.insert("docker-content-digest", ascii(&digest.to_string()));
    if let Some(subject) = &manifest.subject {
        headers.insert("oci-subject", ascii(&subject.to_string()));
    }
    response
}
