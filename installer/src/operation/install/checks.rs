//! What an install decides before it changes anything, and an install that only says what it would
//! do: which release, and what stands in its way.

use bulla_schemas::{Digest, ProjectName};
use bulla_trust::{Head, LogState};

use super::error::InstallError;
use super::request::InstallRequest;
use crate::config::DriftPolicy;
use crate::drift::examine::{Depth, examine};
use crate::fetch::supply::Supply;
use crate::operation::hold::stands;
use crate::operation::resolve::{Asked, Resolved, resolve};
use crate::site::Site;
use crate::state::history::History;
use crate::state::hold::Hold;
use crate::state::quarantine;

/// Resolves what is asked for, and refuses a channel that this server does not follow.
pub(super) fn resolve_for(
    site: &Site,
    log: &LogState,
    supply: &Supply,
    request: &InstallRequest,
    history: &History,
) -> Result<Resolved, InstallError> {
    // A file holds one release: that is the one that the channel is expected to point to.
    let in_file = supply.release_in_file();
    let asked = Asked {
        project: site.project(),
        channel: &request.channel,
        hash: request.hash.as_ref().or(in_file.as_ref()),
        pin_old: request.pin_old,
    };
    let resolved = resolve(log, asked, history)?;
    let said = request.config.channel.as_ref();
    if let Some(said) = said.filter(|said| **said != request.channel) {
        return Err(InstallError::OtherChannelSaid {
            project: site.project().clone(),
            said: said.clone(),
            asked: request.channel.clone(),
        });
    }
    // What a person wrote into the host file needs no second word.
    let may_switch = request.switch_channel || said.is_some();
    match history.channel() {
        Some(followed) if *followed != request.channel && !may_switch => {
            Err(InstallError::OtherChannel {
                project: site.project().clone(),
                followed: followed.clone(),
                asked: request.channel.clone(),
            })
        }
        _ => Ok(resolved),
    }
}

/// Returns the hold that stands in the way of another release. Where nothing is live, there is
/// nothing to stay on.
pub(super) fn standing<'h>(
    hold: Option<&'h Hold>,
    live: Option<Digest>,
    request: &InstallRequest,
    resolved: &Resolved,
    history: &History,
) -> Option<&'h Hold> {
    let counts = live.is_some() && !request.release_hold;
    let entry = resolved.promotion.entry;
    hold.filter(|hold| counts && stands(hold, request.config.hold, entry, history))
}

/// Returns the head that may have to wait for its wave or window. What is live already may be
/// written again at any time, and an earlier head is what a person named.
pub(super) fn rolled_out<'l>(
    log: &'l LogState,
    project: &ProjectName,
    request: &InstallRequest,
    resolved: &Resolved,
    live: Option<Digest>,
) -> Option<&'l Head> {
    let head = log.head(project, &request.channel)?;
    let is_new = head.hash == resolved.hash && live != Some(head.hash);
    (is_new && !resolved.is_pinned).then_some(head)
}

/// Refuses a release that failed here, until it is promoted again.
pub(super) fn refuse_quarantined(site: &Site, resolved: &Resolved) -> Result<(), InstallError> {
    let known = quarantine::read(site)?;
    let failed = known
        .into_iter()
        .find(|failed| failed.hash == resolved.hash);
    match failed {
        Some(failed) if resolved.promotion.entry <= failed.entry => {
            Err(InstallError::Quarantined {
                project: site.project().clone(),
                failed: Box::new(failed),
            })
        }
        _ => Ok(()),
    }
}

/// Refuses to leave a live tree that was edited, where the host file says so.
pub(super) fn refuse_edits(
    site: &Site,
    live: Option<&Digest>,
    request: &InstallRequest,
) -> Result<(), InstallError> {
    let (DriftPolicy::Block, false, Some(live)) = (request.config.drift, request.over_edits, live)
    else {
        return Ok(());
    };
    match examine(site, live, Depth::Quick)? {
        Some(found) if !found.differences.is_empty() => Err(InstallError::LiveEdited {
            project: site.project().clone(),
            differences: found.differences,
        }),
        _ => Ok(()),
    }
}
