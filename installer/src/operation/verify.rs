//! Verify: the live tree, every content hashed against the signed index.

use bulla_schemas::{Digest, ProjectName};
use serde::Serialize;

use super::known;
use super::observe::ObserveError;
use crate::drift::examine::{Depth, examine_with};
use crate::live::{current, folders};
use crate::site::Server;
use crate::state::bundles;
use crate::tree::{Difference, MissingPath, persist};

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The project.
    pub project: ProjectName,
    /// The live release.
    pub hash: Digest,
    /// How many files the release has.
    pub files: u64,
    /// What is not as it should be, by path.
    pub differences: Vec<Difference>,
    /// Where something is mounted in the tree. What that covers is not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounted: Vec<String>,
    /// Persistent paths at which nothing is.
    pub missing: Vec<MissingPath>,
}

/// Hashes the live tree against the signed index.
pub fn verify(server: &Server, project: &ProjectName) -> Result<Verification, ObserveError> {
    let site = server.site(project);
    let hash = current::read(&site)?.ok_or_else(|| {
        if known::is_known(&site) {
            ObserveError::NothingLive {
                current: site.current(),
            }
        } else {
            ObserveError::NotInstalled {
                project: project.clone(),
            }
        }
    })?;
    folders::check(&site, true)?;
    let bundle = bundles::read(&site, &hash)?.ok_or(ObserveError::BundleNotKept { hash })?;
    let found = examine_with(&site, &bundle, Depth::Full)?;
    let found = found.ok_or(ObserveError::TreeGone { hash })?;
    Ok(Verification {
        project: project.clone(),
        hash,
        files: bundle.release().files,
        differences: found.differences,
        mounted: found.mounted,
        missing: persist::missing(&site, &bundle.release().install)?,
    })
}
