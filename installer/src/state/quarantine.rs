//! Releases that failed on this server. None is tried again before people promote it again or a
//! person on this server says so, so that no server goes around in a circle.

use bulla_schemas::Digest;
pub use bulla_schemas::report::server::Quarantined;

use super::error::StateError;
use super::history::Activation;
use super::json;
use crate::platform::files;
use crate::site::Site;

/// Most releases that are remembered; the latest stay.
const MOST: usize = 100;

/// Returns the releases that failed here, the latest last.
pub(crate) fn read(site: &Site) -> Result<Vec<Quarantined>, StateError> {
    Ok(json::read(&site.quarantine())?.unwrap_or_default())
}

/// Remembers that a release failed.
pub(crate) fn add(site: &Site, failed: &Activation) -> Result<(), StateError> {
    // What cannot be read is replaced: a failure must not be forgotten over it.
    let mut known = read(site).unwrap_or_default();
    known.retain(|quarantined| quarantined.hash != failed.hash);
    known.push(Quarantined {
        hash: failed.hash,
        number: failed.number,
        failed_at: failed.failed_at.unwrap_or(failed.activated_at),
        channel: failed.promotion.channel.clone(),
        entry: failed.promotion.entry,
        reason: failed.failure.clone().unwrap_or_default(),
    });
    let surplus = known.len().saturating_sub(MOST);
    known.drain(..surplus);
    write(site, &known)
}

/// Forgets the failures of some releases. Returns which.
pub(crate) fn remove(
    site: &Site,
    is_removed: impl Fn(&Digest) -> bool,
) -> Result<Vec<Quarantined>, StateError> {
    let known = read(site)?;
    let is_removed = |quarantined: &Quarantined| is_removed(&quarantined.hash);
    let (removed, kept): (Vec<_>, Vec<_>) = known.into_iter().partition(is_removed);
    if !removed.is_empty() {
        write(site, &kept)?;
    }
    Ok(removed)
}

fn write(site: &Site, known: &[Quarantined]) -> Result<(), StateError> {
    if known.is_empty() {
        files::remove(&site.quarantine())?;
        return Ok(());
    }
    json::write(&site.quarantine(), &known)
}
