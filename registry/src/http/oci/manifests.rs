//! `manifests/<tag or digest>`: reading, pushing and deleting.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Manifest;

use crate::app::App;
use crate::blocking::to_the_end;
use crate::database::ManifestRow;
use crate::http::body::read_all;
use crate::http::caller::Caller;
use crate::http::content::{Content, IMMUTABLE, ascii, wanted};
use crate::http::extract::query;
use crate::http::problem::Problem;
use crate::oci::reference::{Reference, Tag};
use crate::publish::{PublishError, PushedAs};
use crate::store::repositories::Removal;

/// Most tags that a manifest may be pushed with; OCI wants ten at least.
const MOST_TAGS: usize = 32;

/// Answers GET and HEAD. Whatever `Accept` says, the manifest comes as it was pushed.
pub(crate) async fn read(
    app: &App,
    project: &ProjectName,
    reference: &Reference,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let wanted = wanted(method);
    let found = app.catalog.manifest(project, reference, wanted).await?;
    let Some((manifest, blob)) = found else {
        return Err(missing(app, project, reference).await?);
    };
    let content = Content {
        blob,
        media_type: ascii(&manifest.media_type),
        digest: manifest.digest.clone(),
        // The tag may be a channel's and move.
        caching: match reference {
            Reference::Tag(_) => HeaderValue::from_static("no-cache"),
            Reference::Digest(_) => IMMUTABLE,
        },
        mender: &app.catalog.mender,
    };
    content.answer(method, headers)
}

/// Says that a manifest is not there, and why where that is known.
async fn missing(
    app: &App,
    project: &ProjectName,
    reference: &Reference,
) -> Result<Problem, Problem> {
    let removal = app.catalog.removal(project, reference).await?;
    let reference = reference.to_string();
    Ok(match removal {
        None => Problem::ManifestUnknown { reference },
        Some(Removal { at, reason }) => Problem::ManifestRemoved {
            reference,
            at,
            reason,
        },
    })
}

/// Answers PUT. A manifest that is pushed by its digest gets the tags of the query.
pub(crate) async fn push(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    reference: Reference,
    request: Request,
) -> Result<Response, Problem> {
    let tags = tags(request.uri())?;
    let pushed_as = match reference {
        Reference::Digest(digest) => PushedAs {
            digest: Some(digest),
            tags: tags.clone(),
        },
        Reference::Tag(_) if !tags.is_empty() => return Err(Problem::TagTwice),
        Reference::Tag(tag) => PushedAs {
            digest: None,
            tags: vec![tag],
        },
    };
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
            pushed_as,
            bytes,
            content_type.as_deref(),
        )
        .await?;
    let mut response = created(project, &manifest);
    for tag in tags {
        let tag = ascii(tag.as_str());
        response.headers_mut().append("oci-tag", tag);
    }
    Ok(response)
}

/// Answers DELETE.
pub(crate) async fn delete(
    app: &Arc<App>,
    project: &ProjectName,
    reference: Reference,
) -> Result<Response, Problem> {
    if let Reference::Tag(tag) = &reference
        && app.catalog.is_channel(project, tag)
    {
        let tag = tag.to_string();
        return Err(PublishError::TagIsChannel { tag }.into());
    }
    if !app.catalog.is_mutable(project) {
        return Err(Problem::Immutable {
            project: project.clone(),
            allow: "GET, HEAD, PUT",
        });
    }
    let (app, project) = (Arc::clone(app), project.clone());
    to_the_end(async move {
        if app.catalog.delete_manifest(&project, &reference).await? {
            return Ok(StatusCode::ACCEPTED.into_response());
        }
        Err(Problem::ManifestUnknown {
            reference: reference.to_string(),
        })
    })
    .await
}

/// Returns the tags of the query, each once (OCI Distribution, "Pushing Manifests with Tags", to be in
/// the version after 1.1).
fn tags(uri: &Uri) -> Result<Vec<Tag>, Problem> {
    let pairs: Vec<(String, String)> = query(uri)?;
    let mut tags: Vec<Tag> = Vec::new();
    for (_, tag) in pairs.into_iter().filter(|(name, _)| name == "tag") {
        let tag = tag.parse().map_err(Problem::Tag)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > MOST_TAGS {
            return Err(Problem::TooManyTags { most: MOST_TAGS });
        }
    }
    Ok(tags)
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
