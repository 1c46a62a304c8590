//! Which release a directory is, or is nearest to, and what differs.
//!
//! Files and links count, with their executable bits, and directories that a release has and that
//! are empty. What lies at persistent paths does not count, nor what version control keeps beside
//! the files (`.git`, `.svn`), nor the installer's own `.bulla-release`.

mod error;
mod folder;
mod nearness;

use bulla_registry_client::Client;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;

use crate::contents;
pub use error::IdentifyError;
pub use folder::Folder;
pub use nearness::Identified;

/// Returns what a folder is compared with: the project's newest `last` releases first, then heads
/// of channels that are older.
pub fn candidates(
    state: &LogState,
    project: &ProjectName,
    last: usize,
) -> Result<Vec<Digest>, IdentifyError> {
    let newest = state.releases(project).rev().take(last);
    let mut candidates: Vec<Digest> = newest.map(|release| release.hash).collect();
    for head in state.channels(project) {
        if !candidates.contains(&head.hash) {
            candidates.push(head.hash);
        }
    }
    if candidates.is_empty() {
        return Err(IdentifyError::NoReleases {
            project: project.clone(),
            known: state.projects().cloned().collect(),
        });
    }
    Ok(candidates)
}

/// Compares a folder with releases of a project, and returns the nearest, the first of equals. The
/// first that is exact ends the search.
pub async fn identify(
    client: &Client,
    project: &ProjectName,
    candidates: &[Digest],
    folder: &Folder,
) -> Result<Identified, IdentifyError> {
    let mut nearest: Option<Identified> = None;
    let mut beside = None;
    for hash in candidates {
        // Releases that follow each other share most of their index.
        let bundle = contents::fetch_beside(client, project, *hash, beside.as_ref()).await?;
        let found = nearness::compare(&bundle, folder);
        if found.is_exact() {
            return Ok(found);
        }
        if nearest
            .as_ref()
            .is_none_or(|nearest| found.is_nearer_than(nearest))
        {
            nearest = Some(found);
        }
        beside = Some(bundle);
    }
    nearest
        .filter(|nearest| nearest.same > 0)
        .ok_or_else(|| IdentifyError::NothingInCommon {
            path: folder.path.clone(),
            project: project.clone(),
            compared: candidates.len(),
        })
}
