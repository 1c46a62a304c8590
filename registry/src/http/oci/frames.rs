//! `_bulla/frames`: a blob from frames that the project has and those that a client sends.
//!
//! The client asks which are missing (POST), sends those as one upload, one after the other, and
//! has the blob put together (PUT). What a client may leave out is only what it may read: frames of
//! the same project.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bulla_bundle::is_worth_cutting;
use bulla_schemas::api::{BlobFrame, BlobFrames, MissingFrames};
use bulla_schemas::{Digest, ProjectName};
use serde::Deserialize;

use crate::access::Scope;
use crate::app::App;
use crate::blocking::to_the_end;
use crate::budget::Share;
use crate::http::body::read_all;
use crate::http::caller::Caller;
use crate::http::extract::query;
use crate::http::oci::target::parse_digest;
use crate::http::oci::uploads::created;
use crate::http::problem::Problem;
use crate::store::StoreError;

/// Most bytes of a list of frames.
const MAX_LEN: u64 = 4 << 20;
/// A list whose frames repeat makes the registry read more than was ever sent: so much in any case,
/// and beyond that no more than a few times what its frames have together.
const MOST_REPEATED: u64 = 64 << 20;
const MOST_REPEATS: u64 = 8;

#[derive(Deserialize)]
struct AssembleQuery {
    digest: String,
    upload: String,
}

/// POST: says which frames the project does not have.
pub(crate) async fn ask(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    request: Request,
) -> Result<Response, Problem> {
    let (frames, _share) = read(app, caller, project, request).await?;
    let missing = app.catalog.missing_frames(project, &frames).await?;
    Ok(Json(MissingFrames { missing }).into_response())
}

/// PUT: puts a blob together, and ends the upload with its missing frames.
pub(crate) async fn assemble(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    request: Request,
) -> Result<Response, Problem> {
    let query: AssembleQuery = query(request.uri())?;
    let (digest, id) = (parse_digest(&query.digest)?, query.upload);
    let (frames, share) = read(app, caller, project, request).await?;
    let upload = match app.uploads.hold(project, &id).await {
        Ok(upload) => upload,
        // A client that lost the answer sends it again.
        Err(StoreError::NoSuchUpload) if app.catalog.has_blob(project, &digest).await? => {
            return Ok(created(project, &digest));
        }
        Err(error) => return Err(error.into()),
    };
    let (app, project, token) = (
        Arc::clone(app),
        project.clone(),
        caller.token_id().to_owned(),
    );
    to_the_end(async move {
        let _share = share;
        let assembled = app
            .catalog
            .assemble(&token, &project, upload, frames, &digest);
        let result = assembled.await;
        app.uploads.end(&id);
        result?;
        Ok(created(&project, &digest))
    })
    .await
}

/// Reads a list of frames from a caller who may read the project too.
async fn read(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    request: Request,
) -> Result<(Vec<BlobFrame>, Share), Problem> {
    caller.may(Scope::Pull, project)?;
    let (bytes, share) = read_all(app, caller, request, MAX_LEN).await?;
    let list: BlobFrames =
        serde_json::from_slice(&bytes).map_err(|error| Problem::Malformed(error.into()))?;
    let sizes = list.frames.iter().map(|frame| frame.size);
    let limit = app.settings.most_blob_bytes;
    if sizes.fold(0, u64::saturating_add) > limit {
        return Err(Problem::TooLarge { limit });
    }
    if !is_worth_cutting(&list.frames) || repeats_too_often(&list.frames) {
        return Err(Problem::Frames);
    }
    Ok((list.frames, share))
}

pub(in crate::http) fn repeats_too_often(frames: &[BlobFrame]) -> bool {
    let distinct: HashMap<Digest, u64> = frames.iter().map(|one| (one.digest, one.size)).collect();
    let once = distinct.into_values().fold(0, u64::saturating_add);
    let all = frames
        .iter()
        .map(|one| one.size)
        .fold(0, u64::saturating_add);
    all > MOST_REPEATED && all / MOST_REPEATS > once
}
