//! Several registries: the newest log of them is followed, and for the bytes each is asked after those
//! before it, until one answers validly. Which one is asked decides nothing: the log and the digests
//! are the same everywhere.

use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::{ProjectName, Timestamp};

use super::install::{InstallError, InstallRequest, Installed, Preview, install_with, preview};
use super::locked::LockedSite;
use super::newest::{follow_newest, passed_over};
use super::write::WriteError;
use crate::fetch::{FetchError, FollowedLog, Supply};
use crate::observer::Observer;
use crate::site::Server;
use bulla_trust::LogState;

/// Syncs the log with the registry that has the newest, and makes the channel's head live, with the
/// first supply that brings it.
pub fn install_from(
    locked: &LockedSite,
    server: &Server,
    log: &mut FollowedLog,
    supplies: &[Supply],
    request: &InstallRequest,
    observer: &dyn Observer,
) -> Result<Installed, InstallError> {
    follow_newest(server, log, supplies, request.now, observer)?;
    install_known(locked, server, log.state(), supplies, request, observer)
}

/// Syncs the log, and says which release an install would make live.
pub fn preview_from(
    server: &Server,
    project: &ProjectName,
    log: &mut FollowedLog,
    supplies: &[Supply],
    request: &InstallRequest,
    observer: &dyn Observer,
) -> Result<Preview, InstallError> {
    follow_newest(server, log, supplies, request.now, observer)?;
    first_valid(server, supplies, observer, |supply| {
        preview(server, project, log.state(), supply, request)
    })
}

/// Takes in what the log has grown by, from the registry that has the newest.
pub fn sync_from(
    server: &Server,
    log: &mut FollowedLog,
    supplies: &[Supply],
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<(), InstallError> {
    Ok(follow_newest(server, log, supplies, now, observer)?)
}

/// Makes the channel's head in a log that was synced before live, with the first supply that brings
/// it.
pub(crate) fn install_known(
    locked: &LockedSite,
    server: &Server,
    log: &LogState,
    supplies: &[Supply],
    request: &InstallRequest,
    observer: &dyn Observer,
) -> Result<Installed, InstallError> {
    first_valid(server, supplies, observer, |supply| {
        let others = others(supplies, supply);
        install_with(locked, log, (supply, &others), request, observer)
    })
}

/// Returns the other supplies that answered when they were last asked.
fn others<'a>(supplies: &'a [Supply], one: &Supply) -> Vec<&'a Supply> {
    let is_other = |other: &&Supply| !std::ptr::eq(*other, one) && !other.is_away();
    supplies.iter().filter(is_other).collect()
}

/// Returns what the first supply brings, or of their failures the one that matters most. Those that
/// did not answer before come last, so that a command waits for them once and says so once.
fn first_valid<T>(
    server: &Server,
    supplies: &[Supply],
    observer: &dyn Observer,
    mut attempt: impl FnMut(&Supply) -> Result<T, InstallError>,
) -> Result<T, InstallError> {
    let (away, here): (Vec<&Supply>, Vec<_>) = supplies.iter().partition(|one| one.is_away());
    let order = [here, away].concat();
    let mut worst: Option<InstallError> = None;
    for (position, supply) in order.iter().enumerate() {
        let error = match attempt(supply) {
            Ok(result) => {
                supply.set_away(false);
                return Ok(result);
            }
            Err(error) if !is_of_registry(&error) => return Err(error),
            Err(error) => error,
        };
        supply.set_away(is_away(&error));
        let next = order.get(position + 1);
        if let (Some(url), Some(next)) = (supply.url(), next.and_then(|next| next.url())) {
            observer.note(&passed_over(url, &error, next));
        }
        let matters = |worst: &InstallError| error.kind().gravity() > worst.kind().gravity();
        if worst.as_ref().is_none_or(matters) {
            worst = Some(error);
        }
    }
    Err(worst.unwrap_or_else(|| {
        let state = server.state().to_owned();
        FetchError::NotEnrolled { state }.into()
    }))
}

fn is_away(error: &InstallError) -> bool {
    match error {
        InstallError::Fetch(error) | InstallError::Write(WriteError::Fetch(error)) => {
            error.is_away()
        }
        _ => false,
    }
}

fn is_of_registry(error: &InstallError) -> bool {
    match error {
        InstallError::Fetch(error) | InstallError::Write(WriteError::Fetch(error)) => {
            error.is_of_registry()
        }
        _ => false,
    }
}
