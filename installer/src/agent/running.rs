//! `Running`: which program this agent is, and whether another one is to take over.

use bulla_schemas::Digest;
use bulla_schemas::outcome::FailureKind;
use semver::Version;

use super::orders::Orders;
use crate::operation::program::{self, Choice, Launched, Purpose, Seen, version};
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
    /// Takes the release that this program was started from, and what its own choice went by, where it
    /// made one. What a person has changed since is looked at like any later change; so is everything
    /// where another program chose, maybe long ago.
    pub(super) const fn new(Launched { release, seen }: Launched) -> Self {
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::HostConfig;
    use crate::live::current;
    use crate::site::Server;
    use crate::state::history::{ActivationAction, tests::activation};
    use crate::state::quarantine;

    #[test]
    fn a_retry_between_the_choice_and_the_start_of_the_agent_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(folder.path().join("srv"), folder.path().join("state"));
        let project = "ops/installer".parse().unwrap();
        let (site, hash) = (server.site(&project), Digest::of(b"release"));
        let program = site.tree(&hash).join("bin/bulla-installer");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        current::switch(&site, &hash).unwrap();
        program::prove(&server, hash, version()).unwrap();
        let failed = activation(1, ActivationAction::Install, hash);
        quarantine::add(&site, &failed).unwrap();
        let config = HostConfig {
            installer: Some(project),
            ..HostConfig::default()
        };
        let orders = Orders::new(None, server, config, Vec::new());
        // The package's program chose itself, because the release had failed.
        let launched = Launched {
            release: None,
            seen: Some(see(&orders)),
        };
        assert_eq!(
            Running::new(launched.clone()).look(&orders),
            Look::Stays { why: None }
        );
        quarantine::remove(&site, |_| true).unwrap();
        assert_eq!(Running::new(launched).look(&orders), Look::Replaced);
    }
}
