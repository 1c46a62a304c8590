//! Verify: the live tree, every content hashed against the signed index.

use std::collections::BTreeSet;

use bulla_schemas::ProjectName;
pub use bulla_schemas::report::server::Verification;

use super::observe::ObserveError;
use super::{command, known};
use crate::drift::examine::{Depth, examine_with};
use crate::live::{current, folders};
use crate::site::Server;
use crate::state::bundles;
use crate::state::history::History;
use crate::tree::persist;

/// Returns the projects that were ever installed here.
pub(crate) fn installed(server: &Server) -> Result<BTreeSet<ProjectName>, ObserveError> {
    Ok(known::projects(server)?)
}

/// Hashes the live tree against the signed index.
pub fn verify(server: &Server, project: &ProjectName) -> Result<Verification, ObserveError> {
    verify_to(server, project, Depth::Full)
}

/// Compares the live tree with the signed index, and believes files whose stamps are as recorded.
pub(crate) fn verify_quickly(
    server: &Server,
    project: &ProjectName,
) -> Result<Verification, ObserveError> {
    verify_to(server, project, Depth::Quick)
}

fn verify_to(
    server: &Server,
    project: &ProjectName,
    depth: Depth,
) -> Result<Verification, ObserveError> {
    let site = server.site(project);
    let install = || command::install(&site, &History::read(&site.history()).unwrap_or_default());
    let hash = current::read(&site)?.ok_or_else(|| {
        if known::is_known(&site) {
            ObserveError::NothingLive {
                current: site.current(),
                command: command::rollback(&site),
            }
        } else {
            ObserveError::NotInstalled {
                project: project.clone(),
            }
        }
    })?;
    folders::check(&site, true)?;
    let bundle = bundles::read(&site, &hash)?.ok_or_else(|| ObserveError::BundleNotKept {
        hash,
        command: install(),
    })?;
    let found = examine_with(&site, &bundle, depth)?;
    let found = found.ok_or_else(|| ObserveError::TreeGone {
        hash,
        command: install(),
    })?;
    Ok(Verification {
        project: project.clone(),
        hash,
        files: bundle.release().files,
        differences: found.differences,
        mounted: found.mounted,
        missing: persist::missing(&site, &bundle.release().install)?,
    })
}
