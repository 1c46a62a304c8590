//! Where an install goes, and where it goes meanwhile: a server whose head has to wait, or failed
//! there, does not stay on what people took back.

use bulla_schemas::Digest;
use bulla_schemas::report::server::Waiting;
use bulla_trust::Head;

use super::error::InstallError;
use super::request::{InstallRequest, Installed};
use crate::fetch::supply::Supply;
use crate::observer::{Observer, with_causes};
use crate::operation::rollout::{WayBack, When};
use crate::site::Site;
use crate::tree::releases;

/// Where an install goes on from what it was asked for.
pub(super) enum Goes {
    /// There, now. What a person did not want to wait for is for the history.
    There { skipped: Option<String> },
    /// To what people took the live release back to.
    Back { to: Box<Head>, why: Meanwhile },
    /// Nowhere.
    Waits(Waiting),
}

/// Why the server does not go to its head at once.
pub(super) enum Meanwhile {
    /// The head has to wait.
    Waits(Waiting),
    /// The head failed here.
    Failed {
        error: InstallError,
        /// Where the server goes instead, and because of whom.
        way_back: String,
    },
}

impl Meanwhile {
    /// Says what comes of the install when the server has gone back: it waits, or is refused as it
    /// would be without that.
    pub(super) fn end(
        self,
        installed: Result<Installed, InstallError>,
        to: Digest,
        observer: &dyn Observer,
    ) -> Result<Installed, InstallError> {
        let installed = installed.map_err(|source| InstallError::WayBack {
            to,
            source: Box::new(source),
        })?;
        match self {
            Self::Waits(waiting) => Ok(Installed {
                meanwhile: Some(waiting),
                ..installed
            }),
            Self::Failed { error, way_back } => {
                observer.note(&way_back);
                Err(error)
            }
        }
    }

    /// Returns what the head is not made live before.
    pub(super) fn waiting(self) -> Waiting {
        match self {
            Self::Waits(waiting) => waiting,
            Self::Failed { error, way_back } => Waiting {
                until: None,
                reason: format!("{}; {way_back}", with_causes(&error)),
                is_paused: false,
            },
        }
    }
}

/// Says where an install goes that has to wait, unless a person here does not want to.
pub(super) fn goes(
    when: &When,
    way_back: impl FnOnce() -> Option<WayBack>,
    from: (&Site, &Supply),
    request: &InstallRequest,
) -> Goes {
    let Some(waiting) = when.waiting().filter(|_| request.at_once.is_none()) else {
        let skipped = when.skipped();
        return Goes::There { skipped };
    };
    let Some(way_back) = way_back() else {
        return Goes::Waits(waiting);
    };
    let until = way_back.add_to(&waiting);
    if leads(&way_back, from) {
        Goes::Back {
            to: Box::new(way_back.to),
            why: Meanwhile::Waits(until),
        }
    } else {
        Goes::Waits(until)
    }
}

/// Says where an install goes that is refused because its release failed here.
pub(super) fn goes_instead(
    error: InstallError,
    way_back: impl FnOnce() -> Option<WayBack>,
    from: (&Site, &Supply),
) -> Result<Goes, InstallError> {
    if !matches!(error, InstallError::Quarantined { .. }) {
        return Err(error);
    }
    match way_back().filter(|way_back| leads(way_back, from)) {
        Some(way_back) => Ok(Goes::Back {
            why: Meanwhile::Failed {
                error,
                way_back: way_back.to_string(),
            },
            to: Box::new(way_back.to),
        }),
        None => Err(error),
    }
}

/// Tells whether the server goes there now. A bundle file holds one release, and brings no other that
/// is not on this disk.
fn leads(way_back: &WayBack, (site, supply): (&Site, &Supply)) -> bool {
    let is_here = || releases::is_on_disk(site, &way_back.to.hash);
    way_back.is_open() && (supply.release_in_file().is_none() || is_here())
}
