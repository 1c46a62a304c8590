//! Removes what runs before this one left in staging. What cannot be removed stops nothing. A
//! release that was moved there and not looked at again is one again: it may hold a person's data.

use super::processes::Uses;
use crate::platform::files::FileError;
use crate::site::Site;
use crate::state::leftovers::{self, Leftover, leftover};
use crate::tree::obstacle::Obstacle;
use crate::tree::{releases, remove, staging};

/// Sweeps the staging directories of a project, whose lock is held. Returns what stays.
pub(crate) fn sweep(site: &Site) -> Result<Vec<Leftover>, FileError> {
    let paths = staging::left(site)?;
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let uses = Uses::of_project(site);
    let mut left: Vec<Leftover> = Vec::new();
    for path in paths {
        // A directory in which something stays.
        if left.iter().any(|leftover| leftover.path.starts_with(&path)) {
            continue;
        }
        let is_staging = path.parent() == Some(site.folder())
            && path
                .symlink_metadata()
                .is_ok_and(|found| found.is_dir() || found.is_symlink());
        let removed = match staging::moved_tree(&path) {
            _ if !is_staging && !staging::is_ours(&path) => {
                Err(Obstacle::NotOurs { path: path.clone() })
            }
            Some(hash) => releases::put_back(site, &hash, &path).map_err(Obstacle::from),
            None => uses
                .check(&path)
                .and_then(|()| Ok(remove::remove_tree(&path)?)),
        };
        if let Err(obstacle) = removed {
            left.push(leftover(path, &obstacle));
        }
    }
    let mut known = leftovers::read(site);
    known.retain(|leftover| leftover.path.starts_with(site.releases()));
    known.extend(left.iter().cloned());
    leftovers::write(site, &known);
    Ok(left)
}
