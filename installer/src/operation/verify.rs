//! Verify: the live tree, every content hashed against the signed index.

use bulla_schemas::ProjectName;
pub use bulla_schemas::report::server::Verification;

use super::known;
use super::observe::ObserveError;
use crate::drift::examine::{Depth, examine_with};
use crate::live::{current, folders};
use crate::site::Server;
use crate::state::bundles;
use crate::tree::persist;

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
