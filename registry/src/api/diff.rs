//! `GET /api/v1/projects/{project}/diff/{from}/{to}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_bundle::compare;
use bulla_schemas::api::Diff;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::{ChannelName, Digest};

use super::View;
use crate::admit::open_bundle;
use crate::app::{App, blocking};
use crate::blobs::BlobStore;
use crate::caller::Caller;
use crate::extract::Path;
use crate::problem::Problem;

/// Compares two releases, each named by a hash or by the channel that points to it.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((project, from, to)): Path<(String, String, String)>,
) -> Result<Json<Diff>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let (from, to) = (resolve(&view, &from)?, resolve(&view, &to)?);
    let blobs = app.blobs.clone();
    let diff = blocking(move || {
        let (before, after) = (open(&blobs, from)?, open(&blobs, to)?);
        Ok(compare(&before, &after))
    })
    .await?;
    Ok(Json(diff))
}

fn resolve(view: &View, name: &str) -> Result<Digest, Problem> {
    // No channel's name looks like a hash.
    let Ok(channel) = name.parse::<ChannelName>() else {
        return Ok(view.release(name)?.hash);
    };
    view.state()
        .head(&view.project, &channel)
        .map(|head| head.hash)
        .ok_or_else(|| Problem::not_found("channel", &channel))
}

fn open(blobs: &BlobStore, hash: Digest) -> Result<bulla_bundle::VerifiedBundle, Problem> {
    let manifest = blobs
        .read(&hash.into(), Manifest::MAX_LEN)?
        .ok_or_else(|| Problem::not_found("bundle", &hash))?;
    open_bundle(blobs, hash, manifest).map_err(Problem::internal)
}
