//! `GET /api/v1/projects/{project}/releases` and `.../releases/{hash}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bulla_schemas::api::{Page, ReleaseDetail, ReleaseSummary};
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::{LogState, Release};

use super::View;
use super::page::PageQuery;
use crate::app::{App, blocking};
use crate::caller::Caller;
use crate::extract::{Path, Query};
use crate::problem::Problem;

/// Lists a project's releases, newest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(project): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ReleaseSummary>>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let before = query.before_entry()?;
    let releases = view
        .state()
        .releases(&view.project)
        .rev()
        .filter(|release| release.entry() < before)
        .map(|release| summary(view.state(), &view.project, release));
    Ok(Json(query.take(releases, |item| item.entry.to_string())))
}

/// Shows one release.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((project, hash)): Path<(String, String)>,
) -> Result<Json<ReleaseDetail>, Problem> {
    let view = View::open(&app, &caller, &project)?;
    let release = view.release(&hash)?;
    let hash = release.hash;
    Ok(Json(ReleaseDetail {
        summary: summary(view.state(), &view.project, release),
        document: document(&app, hash).await?,
        channels: view
            .state()
            .channels(&view.project)
            .filter(|head| head.hash == hash)
            .map(|head| head.channel.clone())
            .collect(),
    }))
}

fn summary(state: &LogState, project: &ProjectName, release: &Release) -> ReleaseSummary {
    let record = release.record();
    ReleaseSummary {
        hash: release.hash,
        source: record.source.clone(),
        reference: record.reference.clone(),
        revision: record.revision.clone(),
        label: record.label.clone(),
        dirty: release.is_dirty(),
        builders: release.builders().into_iter().cloned().collect(),
        size: record.size,
        finished_on: record.finished_on,
        entry: release.entry(),
        revoked: state.revocation(project, &release.hash),
    }
}

async fn document(app: &App, hash: Digest) -> Result<ReleaseDocument, Problem> {
    let blobs = app.blobs.clone();
    blocking(move || {
        let absent = || Problem::not_found("bundle", &hash);
        let manifest = blobs
            .read(&hash.into(), Manifest::MAX_LEN)?
            .ok_or_else(absent)?;
        let manifest = Manifest::from_bytes(&manifest).map_err(Problem::internal)?;
        let config = &manifest.config;
        let document = blobs
            .read(&config.digest.into(), ReleaseDocument::MAX_LEN)?
            .ok_or_else(absent)?;
        ReleaseDocument::from_bytes(&document).map_err(Problem::internal)
    })
    .await
}
