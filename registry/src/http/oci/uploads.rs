//! `blobs/uploads/`: receiving blobs, whole or in chunks (OCI Distribution 1.1, "Pushing blobs").

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::ProjectName;
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::OwnedMutexGuard;

use crate::access::Scope;
use crate::app::App;
use crate::blocking::{blocking, to_the_end};
use crate::http::answer::received;
use crate::http::body::{Incoming, announced_length};
use crate::http::caller::Caller;
use crate::http::content::ascii;
use crate::http::extract::query;
use crate::http::oci::target::parse_digest;
use crate::http::problem::Problem;
use crate::http::range::chunk;
use crate::oci::digest::OciDigest;
use crate::store::{StoreError, Upload};

/// Bytes collected before they are hashed and written.
const BATCH: usize = 256 * 1024;
/// Most repositories in which a blob is looked for that is mounted from none in particular.
const MOST_SOURCES: u32 = 100;

#[derive(Deserialize)]
struct BeginQuery {
    digest: Option<String>,
    mount: Option<String>,
    from: Option<String>,
}

#[derive(Deserialize)]
struct FinishQuery {
    digest: Option<String>,
}

/// POST: begins an upload, mounts a blob of another repository, or takes a whole blob at once.
pub(crate) async fn begin(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    request: Request,
) -> Result<Response, Problem> {
    let query: BeginQuery = query(request.uri())?;
    if let Some(digest) = &query.mount
        && let Some(digest) = mount(app, caller, project, digest, query.from.as_deref()).await?
    {
        return Ok(created(project, &digest));
    }
    let digest = query
        .digest
        .map(|digest| parse_digest(&digest))
        .transpose()?;
    let id = app.uploads.begin(caller.token_id(), project).await?;
    let Some(digest) = digest else {
        return Ok(status(StatusCode::ACCEPTED, project, &id, 0));
    };
    let received = async {
        let upload = app.uploads.hold(project, &id).await?;
        receive(app, &id, upload, request).await
    };
    match received.await {
        Ok(upload) => store(app, project, &id, upload, digest).await,
        Err(problem) => {
            app.uploads.end(&id);
            Err(problem)
        }
    }
}

/// PATCH: appends a chunk, or streams.
pub(crate) async fn append(
    app: &Arc<App>,
    project: &ProjectName,
    id: &str,
    request: Request,
) -> Result<Response, Problem> {
    let upload = app.uploads.hold(project, id).await?;
    check_place(&upload, project, id, request.headers())?;
    let received = receive(app, id, upload, request).await;
    app.uploads.touch(id);
    let upload = received?;
    Ok(status(StatusCode::ACCEPTED, project, id, upload.received()))
}

/// GET: says how far the upload has come.
pub(crate) async fn progress(
    app: &Arc<App>,
    project: &ProjectName,
    id: &str,
) -> Result<Response, Problem> {
    let upload = app.uploads.hold(project, id).await?;
    Ok(status(
        StatusCode::NO_CONTENT,
        project,
        id,
        upload.received(),
    ))
}

/// DELETE: cancels.
pub(crate) async fn cancel(
    app: &Arc<App>,
    project: &ProjectName,
    id: &str,
) -> Result<Response, Problem> {
    drop(app.uploads.hold(project, id).await?);
    app.uploads.end(id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// PUT: takes the last chunk, if there is one, and makes the upload a blob.
pub(crate) async fn finish(
    app: &Arc<App>,
    project: &ProjectName,
    id: &str,
    request: Request,
) -> Result<Response, Problem> {
    let query: FinishQuery = query(request.uri())?;
    let digest = parse_digest(query.digest.as_deref().unwrap_or_default())?;
    let upload = match app.uploads.hold(project, id).await {
        Ok(upload) => upload,
        // A client that lost the answer to its PUT sends it again.
        Err(StoreError::NoSuchUpload) if app.catalog.has_blob(project, &digest).await? => {
            return Ok(created(project, &digest));
        }
        Err(error) => return Err(error.into()),
    };
    // Out of order and lost bodies leave the upload as it stands; a wrong digest ends it.
    check_place(&upload, project, id, request.headers())?;
    let upload = receive(app, id, upload, request).await?;
    store(app, project, id, upload, digest).await
}

/// Gives the repository a blob that the caller may read in another one: in `from`, or in any. What is
/// not the name of a blob or a repository mounts nothing, and an upload begins.
async fn mount(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    digest: &str,
    from: Option<&str>,
) -> Result<Option<OciDigest>, Problem> {
    let Ok(digest) = digest.parse() else {
        return Ok(None);
    };
    let sources: Vec<ProjectName> = if let Some(from) = from {
        from.parse().into_iter().collect()
    } else {
        let database = &app.catalog.database;
        database.repositories_with(&digest, MOST_SOURCES).await?
    };
    for from in sources {
        let may_read = caller.may(Scope::Pull, &from).is_ok();
        if may_read && app.catalog.mount(project, &from, &digest).await? {
            return Ok(Some(digest));
        }
    }
    Ok(None)
}

/// Writes a body to the end of an upload. What arrived before an error stays, so that the client
/// can go on from there; only what a full disk refuses must not fill it further.
async fn receive(
    app: &Arc<App>,
    id: &str,
    mut upload: OwnedMutexGuard<Upload>,
    request: Request,
) -> Result<OwnedMutexGuard<Upload>, Problem> {
    let limit = app.settings.most_blob_bytes;
    let announced = announced_length(request.headers()).unwrap_or(0);
    if upload.received().saturating_add(announced) > limit {
        return Err(Problem::TooLarge { limit });
    }
    app.uploads.require_room(announced).await?;
    let mut body = Incoming::new(request.into_body(), app.settings.pace);
    loop {
        let (batch, ended) = collect(&mut body).await;
        let size: u64 = batch.iter().map(|chunk| chunk.len() as u64).sum();
        if upload.received() + size > limit {
            return Err(Problem::TooLarge { limit });
        }
        if !batch.is_empty() {
            upload = app
                .uploads
                .append(upload, batch)
                .await
                .inspect_err(|error| {
                    if error.is_full() {
                        app.uploads.end(id);
                    }
                })?;
        }
        match ended {
            Ended::No => {}
            Ended::Yes => return Ok(upload),
            Ended::Badly(problem) => return Err(problem),
        }
    }
}

enum Ended {
    No,
    Yes,
    Badly(Problem),
}

async fn collect(body: &mut Incoming) -> (Vec<Bytes>, Ended) {
    let mut batch = Vec::new();
    let mut size = 0;
    while size < BATCH {
        match body.next().await {
            Ok(Some(chunk)) => {
                size += chunk.len();
                batch.push(chunk);
            }
            Ok(None) => return (batch, Ended::Yes),
            Err(problem) => return (batch, Ended::Badly(problem)),
        }
    }
    (batch, Ended::No)
}

/// Makes an upload a blob of the repository and ends it, also when the client goes away meanwhile.
async fn store(
    app: &Arc<App>,
    project: &ProjectName,
    id: &str,
    mut upload: OwnedMutexGuard<Upload>,
    digest: OciDigest,
) -> Result<Response, Problem> {
    let (app, project, id) = (Arc::clone(app), project.clone(), id.to_owned());
    to_the_end(async move {
        let stored = async {
            let expected = digest.clone();
            let upload = blocking(move || upload.check(&expected).map(|()| upload)).await?;
            app.catalog.store(&project, upload, &digest).await?;
            Ok(created(&project, &digest))
        };
        let result = stored.await;
        app.uploads.end(&id);
        result
    })
    .await
}

/// Checks `Content-Range` against where the upload stands. Clients that stream send none.
fn check_place(
    upload: &Upload,
    project: &ProjectName,
    id: &str,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let Some(range) = headers.get(CONTENT_RANGE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(range.as_bytes());
    let wrong = || Problem::ContentRange {
        found: text.chars().take(80).collect(),
    };
    let (first, last) = chunk(&text).ok_or_else(wrong)?;
    if first != upload.received() {
        return Err(Problem::UploadOutOfOrder {
            location: location(project, id),
            offset: upload.received(),
        });
    }
    let length = headers.get(CONTENT_LENGTH).and(announced_length(headers));
    let fits = last
        .checked_sub(first)
        .is_some_and(|gap| length.is_none_or(|length| gap.checked_add(1) == Some(length)));
    if fits { Ok(()) } else { Err(wrong()) }
}

fn location(project: &ProjectName, id: &str) -> String {
    format!("/v2/{project}/blobs/uploads/{id}")
}

fn status(status: StatusCode, project: &ProjectName, id: &str, offset: u64) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, ascii(&location(project, id)));
    headers.insert(RANGE, ascii(&received(offset)));
    headers.insert("docker-upload-uuid", ascii(id));
    response
}

pub(super) fn created(project: &ProjectName, digest: &OciDigest) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, ascii(&format!("/v2/{project}/blobs/{digest}")));
    headers.insert("docker-content-digest", ascii(&digest.to_string()));
    response
}
