//! Install: from a channel to the release that is live, in one fixed order. Whatever fails before
//! the switch leaves the live release as it was.

mod attempt;
mod error;
mod request;
mod trees;
mod unsupported;
mod write;

use bulla_schemas::Digest;
use bulla_trust::LogState;

use super::garbage::{self, Collected};
use super::locked::LockedSite;
use super::resolve::{Asked, resolve};
use crate::failpoint::failpoint;
use crate::fetch::Supply;
use crate::live::activation::activate;
use crate::live::current;
use crate::observer::Observer;
use crate::site::Site;
use crate::state::history::History;
use crate::state::hold;
use crate::state::journal::{Phase, Step};
use crate::state::record::TreeRecord;
use crate::tree::compare::quick;
use crate::tree::{note, place, remove};

use attempt::Attempt;
pub use error::InstallError;
pub use request::{InstallRequest, Installed, Outcome};

/// Makes the channel's head live. The log was synced after the site was locked, so that it knows
/// at least what any install before this one knew.
pub fn install(
    locked: &LockedSite,
    log: &LogState,
    supply: &Supply,
    request: &InstallRequest,
    observer: &dyn Observer,
) -> Result<Installed, InstallError> {
    let site = locked.site();
    let position = log.position();
    // A file holds one release: that is the one that the channel is expected to point to.
    let in_file = supply.release_in_file();
    let history = History::read(&site.history())?;
    let asked = Asked {
        project: site.project(),
        channel: &request.channel,
        hash: request.hash.as_ref().or(in_file.as_ref()),
        pin_old: request.pin_old,
    };
    let resolved = resolve(log, asked, &history)?;
    if let Some(warning) = &resolved.warning {
        observer.note(warning);
    }
    failpoint!("install::resolved");
    let from = current::read(site)?;
    let hold = hold::read(&site.hold())?;
    let install = Attempt {
        site,
        supply,
        request,
        resolved: &resolved,
        history: &history,
        live: from,
        hold: hold.as_ref(),
        observer,
    };

    let (revision, outcome) = match revision_of_intact_tree(site, &resolved.hash)? {
        Some(revision) if from == Some(resolved.hash) => {
            install.bundle()?;
            hold::write(&site.hold(), None)?;
            (revision, Outcome::AlreadyLive)
        }
        Some(revision) => {
            install.bundle()?;
            (revision, Outcome::OnDisk)
        }
        None => install
            .write_tree()
            .inspect_err(|error| install.clean_up(error))?,
    };
    if outcome != Outcome::AlreadyLive {
        let activation = install.activation(revision.clone(), position);
        let step = Step {
            phase: Phase::Switch,
            activation,
            hold: None,
        };
        activate(site, step)?;
    }
    if let Some(hold) = &hold {
        observer.note(&format!(
            "the hold on {} since {} is cleared",
            hold.hash.short(),
            hold.since
        ));
    }
    // Also when nothing was switched: an install that died after its switch did not come to this.
    collect_garbage(site, request, observer);
    Ok(Installed {
        hash: resolved.hash,
        revision,
        from,
        outcome,
    })
}

/// Returns the revision of a release whose tree is on this disk, as it was written.
fn revision_of_intact_tree(site: &Site, hash: &Digest) -> Result<Option<String>, InstallError> {
    let tree = site.tree(hash);
    if !tree.is_dir() {
        return Ok(None);
    }
    let Some(record) = TreeRecord::read(&site.record(hash), hash)? else {
        return Ok(None);
    };
    if !quick::changed(&record, &tree)?.is_empty() {
        return Ok(None);
    }
    place::close_top(&tree)?;
    Ok(note::read(&tree)?
        .filter(|note| note.hash == *hash)
        .map(|note| note.revision))
}

/// Never fails an install: the release is live, and the next install tries again.
fn collect_garbage(site: &Site, request: &InstallRequest, observer: &dyn Observer) {
    let collect = || -> Result<Option<Collected>, InstallError> {
        let history = History::read(&site.history())?;
        let Some(live) = current::read(site)? else {
            return Ok(None);
        };
        let kept = garbage::kept(&history, &live, None, request.keep);
        let collected = garbage::collect(site, &kept)?;
        remove::remove_tree(&site.spools())?;
        Ok(Some(collected))
    };
    match collect() {
        Ok(collected) => {
            for sentence in collected.iter().flat_map(Collected::sentences) {
                observer.note(&sentence);
            }
        }
        Err(error) => observer.note(&format!("old releases could not be removed: {error}")),
    }
}
