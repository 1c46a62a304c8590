//! Set-aside trees: listed for people, and removed only by them.

use std::collections::BTreeSet;

use bulla_schemas::ProjectName;

use super::known::{self, projects};
use super::observe::ObserveError;
use crate::drift::{DriftError, SetAside, set_aside as trees};
use crate::live::processes::Uses;
use crate::site::{Server, Site};
use crate::state::leftovers::leftover;

/// Lists the trees that are set aside, of one project or of all, the oldest first.
pub fn set_aside(
    server: &Server,
    project: Option<&ProjectName>,
) -> Result<Vec<SetAside>, ObserveError> {
    let projects = match project {
        Some(project) if !knows(&server.site(project)) => {
            return Err(ObserveError::NotInstalled {
                project: project.clone(),
            });
        }
        Some(project) => BTreeSet::from([project.clone()]),
        None => projects(server)?,
    };
    let mut found = Vec::new();
    for project in projects {
        found.extend(trees::list(&server.site(&project))?);
    }
    Ok(found)
}

/// What a person set aside is there, also where all releases are gone.
fn knows(site: &Site) -> bool {
    known::is_known(site) || site.set_aside().is_dir()
}

/// Removes a tree that is set aside, by its name or the beginning of it. What is in use or cannot
/// be removed stays whole.
pub fn remove_set_aside(
    server: &Server,
    project: &ProjectName,
    name: &str,
) -> Result<SetAside, DriftError> {
    let site = server.site(project);
    let tree = trees::find(&site, name)?;
    Uses::of_project(&site)
        .check(&tree.path)
        .map_err(|obstacle| DriftError::InUse(leftover(tree.path.clone(), &obstacle)))?;
    trees::remove(&tree)?;
    Ok(tree)
}
