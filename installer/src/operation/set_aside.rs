//! Set-aside trees: listed for people, and removed only by them.

use bulla_schemas::ProjectName;

use super::status::projects;
use crate::drift::{DriftError, SetAside, set_aside as trees};
use crate::site::Server;

/// Lists the trees that are set aside, of one project or of all, the oldest first.
pub fn set_aside(
    server: &Server,
    project: Option<&ProjectName>,
) -> Result<Vec<SetAside>, DriftError> {
    let projects = match project {
        Some(project) => vec![project.clone()],
        None => projects(server)?,
    };
    let mut found = Vec::new();
    for project in projects {
        found.extend(trees::list(&server.site(&project))?);
    }
    Ok(found)
}

/// Removes a tree that is set aside, by its name or the beginning of it.
pub fn remove_set_aside(
    server: &Server,
    project: &ProjectName,
    name: &str,
) -> Result<SetAside, DriftError> {
    trees::remove(&server.site(project), name)
}
