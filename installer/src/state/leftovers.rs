//! What could not be removed, so that `status` can list it. Each run tries again.

use std::error::Error;
use std::path::PathBuf;

pub use bulla_schemas::report::server::Leftover;

use super::json;
use crate::observer::with_causes;
use crate::platform::files;
use crate::site::Site;

/// Says what stays where it is, and why, with all causes.
pub(crate) fn leftover(path: PathBuf, error: &dyn Error) -> Leftover {
    Leftover {
        path,
        reason: with_causes(error),
    }
}

/// Returns what is still there of what could not be removed.
pub(crate) fn read(site: &Site) -> Vec<Leftover> {
    // What cannot be read is found again by the next run.
    let read = json::read::<Vec<Leftover>>(&site.leftovers());
    let mut leftovers = read.ok().flatten().unwrap_or_default();
    leftovers.retain(|leftover| leftover.path.symlink_metadata().is_ok());
    leftovers
}

/// Remembers one more.
pub(crate) fn add(site: &Site, leftover: Leftover) {
    let mut known = read(site);
    known.push(leftover);
    write(site, &known);
}

/// Remembers what could not be removed. Only `status` reads it, so that a full disk, on which it
/// cannot be written, stops no install and no rollback.
pub(crate) fn write(site: &Site, leftovers: &[Leftover]) {
    let path = site.leftovers();
    let _ = if leftovers.is_empty() {
        files::remove(&path).map(drop).map_err(Into::into)
    } else if read(site) == leftovers {
        Ok(())
    } else {
        json::write(&path, &leftovers)
    };
}
