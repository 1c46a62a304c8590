//! What an install would do, without a lock and without a change.

use bulla_schemas::report::server::Waiting;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;

use super::checks::{refuse_edits, refuse_quarantined, resolve_for, rolled_out, standing};
use super::error::InstallError;
use super::meanwhile::{Goes, goes, goes_instead};
use super::request::InstallRequest;
use crate::drift::examine::Look;
use crate::fetch::supply::Supply;
use crate::live::{current, folders};
use crate::operation::rollout::Arrival;
use crate::site::{Server, Site};
use crate::state::history::History;
use crate::state::hold::{self, Hold};
use crate::tree::releases;

/// What an install would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The release that would be live.
    pub hash: Digest,
    /// The release that is live.
    pub from: Option<Digest>,
    /// Whether it is the one that would be live, with its tree as it was written.
    pub is_done: bool,
    /// What keeps the server on the release that is live.
    pub hold: Option<Hold>,
    /// What the channel's head is not made live before.
    pub waiting: Option<Waiting>,
}

/// Says which release an install would make live. Takes no lock and changes nothing.
pub(crate) fn preview(
    server: &Server,
    project: &ProjectName,
    log: &LogState,
    supply: &Supply,
    request: &InstallRequest,
) -> Result<Preview, InstallError> {
    let site = server.site(project);
    folders::refuse_public(&site)?;
    let history = History::read(&site.history())?;
    let resolved = resolve_for(&site, log, supply, request, &history)?;
    let (hash, from) = (resolved.hash, current::read(&site)?);
    let hold = hold::read(&site.hold())?;
    let standing = standing(hold.as_ref(), from, request, &resolved, &history);
    if let (Some(hold), Some(live)) = (standing, from)
        && hold.hash != hash
    {
        return Ok(Preview {
            hash: live,
            from,
            is_done: true,
            hold: Some(hold.clone()),
            waiting: None,
        });
    }
    let quarantined = refuse_quarantined(&site, &resolved);
    let head = rolled_out(log, project, request, &resolved, from);
    let arrival = head.map(|head| Arrival::new(&site, &request.config, (log, &history), head));
    let way_back = || arrival.as_ref()?.way_back(from, request.now);
    let goes_on = match (&arrival, quarantined) {
        (_, Err(failed)) => goes_instead(failed, way_back, (&site, supply))?,
        (None, Ok(())) => Goes::There { skipped: None },
        (Some(arrival), Ok(())) => goes(
            &arrival.known(request.now),
            way_back,
            (&site, supply),
            request,
        ),
    };
    match goes_on {
        Goes::There { .. } => {}
        Goes::Back { to, why } => {
            refuse_edits(&site, from.as_ref(), request)?;
            return Ok(Preview {
                hash: to.hash,
                from,
                is_done: false,
                hold: None,
                waiting: Some(why.waiting()),
            });
        }
        Goes::Waits(waiting) => {
            return Ok(Preview {
                hash: from.unwrap_or(hash),
                from,
                is_done: true,
                hold: None,
                waiting: Some(waiting),
            });
        }
    }
    refuse_edits(&site, from.as_ref(), request)?;
    Ok(Preview {
        hash,
        from,
        is_done: from == Some(hash) && is_intact(&site, &hash)?,
        hold: None,
        waiting: None,
    })
}

/// Tells whether a tree is what was installed. One whose bundle is not kept is only looked for.
fn is_intact(site: &Site, hash: &Digest) -> Result<bool, InstallError> {
    Ok(match Look::at(site, hash).compare(site)? {
        Some(found) => found.differences.is_empty(),
        None => releases::is_on_disk(site, hash),
    })
}
