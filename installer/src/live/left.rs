//! Who goes on with the release that was left: a process keeps what it has loaded until it is
//! restarted, whatever `current` says.

use bulla_schemas::Digest;

use super::processes::Uses;
use crate::observer::Observer;
use crate::site::Site;
use crate::tree::obstacle::Obstacle;

/// Names the processes that use the release that was left, as they were found since the switch or
/// are found now.
pub(crate) fn say_who_stays(
    site: &Site,
    left: &Digest,
    found: Option<Uses>,
    observer: &dyn Observer,
) {
    let uses = found.unwrap_or_else(|| Uses::at_a_glance(site));
    if let Some(in_use @ Obstacle::InUse { .. }) = uses.of_tree(&site.tree(left)) {
        observer.note(&format!(
            "{in_use}, of the release that was left, until it is restarted"
        ));
    }
}
