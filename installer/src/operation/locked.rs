//! `LockedSite`: a project that this process alone changes. Whatever a dead process left there is
//! finished or undone before anything else happens.

use bulla_files::Lock;
use bulla_schemas::{ProjectName, Timestamp};

use crate::failpoint::failpoint;
use crate::live::LiveError;
use crate::live::recover::{self, Recovered};
use crate::live::{folders, sweep};
use crate::observer::Observer;
use crate::site::{Server, Site};
use crate::state::history::History;
use crate::tree::note;

/// A project's site, locked until this is dropped.
#[derive(Debug)]
pub struct LockedSite {
    site: Site,
    _lock: Lock,
}

impl LockedSite {
    /// Waits for the project's lock and recovers. `command` is what others read who wait for it.
    pub fn open(
        server: &Server,
        project: &ProjectName,
        command: &str,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<Self, LiveError> {
        let site = server.site(project);
        bulla_files::create_private_directory(server.state())?;
        let history = History::read(&site.history())?;
        folders::check(&site, !history.activations().is_empty())?;
        bulla_files::create_private_directory(site.state())?;
        let lock = Lock::take(&site.lock(), command, now, |holder| {
            observer.note(&format!(
                "waiting for {holder}, which is working on {project}"
            ));
        })?;
        failpoint!("site::locked");
        match recover::recover(&site)? {
            Recovered::Nothing => {}
            Recovered::Finished => observer.note("an interrupted activation was finished"),
            Recovered::Undone => observer.note("an interrupted activation was undone"),
        }
        // A note is for people: no operation fails because of one.
        if let Err(error) = note::tidy(&site) {
            observer.note(&format!("{error}"));
        }
        for leftover in sweep::sweep(&site)? {
            observer.note(&leftover.to_string());
        }
        Ok(Self { site, _lock: lock })
    }

    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }
}
