//! `_bulla/delta`: the stream of bytes that turns one bundle of the project into another, fetched
//! (POST) or sent in place of the blobs of a new one (PUT).

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bulla_bundle::{Part, is_worth_cutting};
use bulla_schemas::api::DeltaRequest;
use bulla_schemas::{Digest, ProjectName, media_type};

use crate::access::Scope;
use crate::app::App;
use crate::blocking::{blocking, to_the_end};
use crate::http::body::read_all;
use crate::http::bounded;
use crate::http::caller::Caller;
use crate::http::extract::query;
use crate::http::problem::Problem;
use crate::publish::{MOST_DELTA, SentDelta};

/// Most bytes of the names of two bundles.
const MAX_LEN: u64 = 4 * 1024;

/// POST: makes a delta, or sends one that was made.
pub(crate) async fn send(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    request: Request,
) -> Result<Response, Problem> {
    let (bytes, share) = read_all(app, caller, request, MAX_LEN).await?;
    let DeltaRequest { have, want } = serde_json::from_slice(&bytes).map_err(Problem::malformed)?;
    drop(share);
    require_bundle(app, project, have).await?;
    require_bundle(app, project, want).await?;
    let (making, token) = (Arc::clone(app), caller.account().into_owned());
    // Others may wait for it when this client goes away.
    let delta = to_the_end(async move { making.catalog.delta(&token, have, want).await }).await?;
    let share = bounded::share(app, caller, delta.len() as u64)?;
    let mut response = Response::new(bounded::body(delta, share));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type::DELTA));
    Ok(response)
}

/// PUT: stores the blobs of a new bundle, which a delta leads to. Its manifest is pushed as ever.
pub(crate) async fn take(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    request: Request,
) -> Result<Response, Problem> {
    // A delta says what the other bundle holds.
    caller.may(Scope::Pull, project)?;
    let DeltaRequest { have, want } = query(request.uri())?;
    let (delta, share) = read_all(app, caller, request, MOST_DELTA).await?;
    require_bundle(app, project, have).await?;
    let turn = bounded::turn(app, caller).await?;
    let (app, project, token) = (
        Arc::clone(app),
        project.clone(),
        caller.token_id().to_owned(),
    );
    to_the_end(async move {
        let _held = (share, turn);
        let opened = app.catalog.open_delta(&token, &project, have, want, delta);
        let mut sent = opened.await?;
        for part in SentDelta::PARTS {
            sent = Box::pin(store(&app, &token, &project, sent, part)).await?;
        }
        Ok(StatusCode::CREATED.into_response())
    })
    .await
}

async fn require_bundle(app: &App, project: &ProjectName, hash: Digest) -> Result<(), Problem> {
    if app.catalog.has_bundle(project, hash).await? {
        return Ok(());
    }
    let reference = hash.to_string();
    Err(Problem::ManifestUnknown { reference })
}

/// Stores one part of a bundle as a push of its blob does.
async fn store(
    app: &Arc<App>,
    token: &str,
    project: &ProjectName,
    sent: Box<SentDelta>,
    part: Part,
) -> Result<Box<SentDelta>, Problem> {
    let (digest, size) = (
        sent.descriptor(part).digest.into(),
        sent.descriptor(part).size,
    );
    if app.catalog.has_blob(project, &digest).await? {
        return Ok(sent);
    }
    let limit = app.settings.most_blob_bytes;
    if size > limit {
        return Err(Problem::TooLarge { limit });
    }
    let frames = sent.frames(part);
    let is_cut = is_worth_cutting(&frames);
    let positions = if is_cut {
        app.catalog.missing_frames(project, &frames).await?
    } else {
        (0..frames.len()).collect()
    };
    sent.check_size(part, &positions)?;
    let made = app.catalog.frames_of_delta(token, sent, part, positions);
    let (sent, made) = made.await?;
    let id = app.uploads.begin(token, project).await?;
    let stored = async {
        let upload = app.uploads.hold(project, &id).await?;
        let mut upload = app.uploads.append(upload, made).await?;
        if is_cut {
            let assembled = app
                .catalog
                .assemble(token, project, upload, frames, &digest);
            return Ok(assembled.await?);
        }
        let expected = digest.clone();
        let checked = blocking(move || upload.check(&expected).map(|()| upload));
        Ok(app.catalog.store(project, checked.await?, &digest).await?)
    };
    let stored: Result<(), Problem> = stored.await;
    app.uploads.end(&id);
    stored.map(|()| sent)
}
