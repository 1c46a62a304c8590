//! `Running`: which program this agent is, and whether another one is to take over.

use bulla_schemas::Digest;
use bulla_schemas::outcome::FailureKind;
use semver::Version;

use super::orders::Orders;
use crate::operation::program::{self, Choice, Purpose, Seen, version};
use crate::platform::replace::lift_deadline;
use crate::state::StateError;

/// Which program this agent is.
#[derive(Debug)]
pub(super) struct Running {
    /// The release that carries it; none for the one that a package installed.
    release: Option<Digest>,
    /// What was looked at when it was last chosen.
    seen: Option<Seen>,
    has_proved: bool,
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// This program stays the agent.
    Stays {
        /// Why it does although a release carries another one, when that is news.
        why: Option<String>,
    },
    /// Another one is to be it.
    Replaced,
}

impl Running {
    /// Takes the release that this program was started from.
    pub(super) fn new(orders: &Orders, release: Option<Digest>) -> Self {
        // The choice of the program that started this one may be old by now; its own is not.
        let seen = release.is_none().then(|| see(orders));
        Self {
            release,
            seen,
            has_proved: release.is_none(),
        }
    }

    /// Looks whether another program is to be the agent.
    pub(super) fn look(&mut self, orders: &Orders) -> Look {
        let seen = see(orders);
        if self.seen.as_ref() == Some(&seen) {
            return Look::Stays { why: None };
        }
        self.seen = Some(seen);
        let Some(project) = &orders.config.installer else {
            return self.chosen(None, None);
        };
        // Of the program that starts releases, a release does not know the version.
        let own = match self.release {
            Some(_) => Version::new(0, 0, 0),
            None => version(),
        };
        match program::choose(&orders.server, project, Purpose::Agent, &own) {
            Choice::Own { why } => self.chosen(None, why),
            Choice::Release(chosen) => self.chosen(Some(chosen.hash), None),
        }
    }

    fn chosen(&self, release: Option<Digest>, why: Option<String>) -> Look {
        if release == self.release {
            Look::Stays { why }
        } else {
            Look::Replaced
        }
    }

    /// Notes, once, that this program has read the log and looked at the projects. One that is tried
    /// has to have read it, as far as that is its own doing. Returns the release that has proved its
    /// program by that.
    pub(super) fn prove(
        &mut self,
        orders: &Orders,
        unread: Option<FailureKind>,
    ) -> Result<Option<Digest>, StateError> {
        let Some(release) = self.release.filter(|_| !self.has_proved) else {
            return Ok(None);
        };
        let had_proved = program::has_proved(&orders.server, &release);
        if !had_proved && !matches!(unread, None | Some(FailureKind::Temporary)) {
            return Ok(None);
        }
        self.has_proved = true;
        lift_deadline();
        program::prove(&orders.server, release, version())?;
        Ok((!had_proved).then_some(release))
    }
}

fn see(orders: &Orders) -> Seen {
    program::see(&orders.server, orders.config.installer.as_ref())
}
