//! Several registries: the newest log of them is followed, and for the bytes each is asked after those
//! before it, until one answers validly. Which one is asked decides nothing: the log and the digests
//! are the same everywhere.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};

use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::{ProjectName, Timestamp};

use super::install::{
    Followed, InstallError, InstallRequest, Installed, Preview, install_with, preview,
};
use super::locked::LockedSite;
use super::newest::{follow_newest, passed_over};
use super::order::Order;
use super::write::{Ahead, WriteError};
use crate::fetch::{FetchError, FollowedLog, Supply, save};
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
    thread::scope(|scope| {
        // The disk is read while the registry is asked, and waited for while a release is fetched.
        let ahead = Beside::begin(scope, || Ahead::look(locked.site()));
        let unsaved = follow_newest(server, log, supplies, request.now, observer)?;
        let saving = Beside::begin(scope, || save(unsaved));
        let saved = || saving.end().unwrap_or(Ok(()));
        let note = log.checkpoint();
        let log = Followed {
            state: log.state(),
            saved: &saved,
            note: note.as_deref(),
            ahead: &|| ahead.end(),
        };
        let installed = install_first(locked, server, log, supplies, request, observer)?;
        saved()?;
        Ok(installed)
    })
}

/// Work of another thread, whose result is taken once.
struct Beside<'scope, T>(Mutex<Option<ScopedJoinHandle<'scope, T>>>);

impl<'scope, T: Send + 'scope> Beside<'scope, T> {
    fn begin(scope: &'scope Scope<'scope, '_>, work: impl FnOnce() -> T + Send + 'scope) -> Self {
        Self(Mutex::new(Some(scope.spawn(work))))
    }

    /// Waits for the result. `None` when it was taken before.
    fn end(&self) -> Option<T> {
        let thread = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    }
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
    sync_from(server, log, supplies, request.now, observer)?;
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
    Ok(save(follow_newest(server, log, supplies, now, observer)?)?)
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
    let log = Followed::saved(log);
    install_first(locked, server, log, supplies, request, observer)
}

fn install_first(
    locked: &LockedSite,
    server: &Server,
    log: Followed<'_>,
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

/// Returns what the first supply brings, or of their failures the one that matters most.
fn first_valid<T>(
    server: &Server,
    supplies: &[Supply],
    observer: &dyn Observer,
    mut attempt: impl FnMut(&Supply) -> Result<T, InstallError>,
) -> Result<T, InstallError> {
    let mut order = Order::of(supplies);
    let mut worst: Option<InstallError> = None;
    while let Some(supply) = order.next() {
        let error = match attempt(supply) {
            Ok(result) => {
                supply.set_away(false);
                return Ok(result);
            }
            Err(error) => error,
        };
        let Some(fetching) = of_registry(&error) else {
            return Err(error);
        };
        supply.set_away(fetching.is_away());
        order.fail(fetching.wants_patience());
        if let (Some(url), Some(next)) = (supply.url(), order.peek().and_then(Supply::url)) {
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

/// Returns what is wrong with the registry, where it is that: another one may do better.
fn of_registry(error: &InstallError) -> Option<&FetchError> {
    match error {
        InstallError::Fetch(error) | InstallError::Write(WriteError::Fetch(error)) => {
            error.is_of_registry().then_some(error)
        }
        InstallError::WayBack { source, .. } => of_registry(source),
        _ => None,
    }
}
