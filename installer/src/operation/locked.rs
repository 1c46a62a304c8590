//! `LockedSite`: a project that this process alone changes. Whatever a dead process left there is
//! finished or undone before anything else happens, and whatever of the installer's memory is
//! damaged is put out of the way.

use std::io::ErrorKind;
use std::path::PathBuf;

use bulla_files::{FileError, Lock};
use bulla_schemas::{ProjectName, Timestamp};

use super::known;
use crate::failpoint::failpoint;
use crate::fetch::log::remembered;
use crate::live::LiveError;
use crate::live::recover::{self, Recovered};
use crate::live::{folders, sweep};
use crate::observer::Observer;
use crate::site::{Server, Site};
use crate::state::history::History;
use crate::state::{damaged, hold, journal, with_causes};
use crate::tree::note;

/// A project's site, locked until this is dropped. A project of which nothing was installed is then
/// forgotten.
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
        folders::check(&site, known::was_installed(&site))?;
        let lock = lock(&site, command, now, observer)?;
        failpoint!("locked::lock-taken");
        let locked = Self { site, _lock: lock };
        locked.recover(server, now, observer)?;
        Ok(locked)
    }

    fn recover(
        &self,
        server: &Server,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<(), LiveError> {
        let site = &self.site;
        for path in damaged_files(site) {
            observer.note(&match damaged::keep(&path, now) {
                Ok(kept) => format!(
                    "`{}` is damaged; it is kept as `{}`",
                    path.display(),
                    kept.display()
                ),
                Err(error) => with_causes(&error),
            });
        }
        if let Ok(history) = History::read(&site.history()) {
            history
                .damage(&site.history())
                .iter()
                .for_each(|damage| observer.note(damage));
        }
        match recover::recover(site)? {
            Recovered::Nothing => {}
            Recovered::Finished => observer.note("an interrupted activation was finished"),
            Recovered::Undone => observer.note("an interrupted activation was undone"),
            Recovered::Unwritten(error) => observer.note(&known::unwritten(&error)),
        }
        if known::was_installed(site) && !site.journal().exists() {
            known::restore_history(site, &remembered(server).state, now, observer);
        }
        match sweep::sweep(site) {
            Ok(left) => left
                .iter()
                .for_each(|leftover| observer.note(&leftover.to_string())),
            Err(error) => observer.note(&with_causes(&error)),
        }
        // After a tree was put back, whose note stays. A note is for people: no operation fails
        // because of one.
        if let Err(error) = note::tidy(site) {
            observer.note(&with_causes(&error));
        }
        Ok(())
    }

    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }
}

impl Drop for LockedSite {
    fn drop(&mut self) {
        if !known::was_installed(&self.site) {
            known::forget(&self.site);
        }
    }
}

fn lock(
    site: &Site,
    command: &str,
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<Lock, FileError> {
    loop {
        bulla_files::create_private_directory(site.state())?;
        let taken = Lock::take(&site.lock(), command, now, |holder| {
            observer.note(&format!(
                "waiting for {holder}, which is working on {}",
                site.project()
            ));
        });
        match taken {
            // The holder failed, and the project was forgotten with the directory.
            Err(error) if error.io_kind() == Some(ErrorKind::NotFound) => {}
            taken => return taken,
        }
    }
}

/// Returns the files of a project's state that cannot be read or understood as a whole.
fn damaged_files(site: &Site) -> Vec<PathBuf> {
    let found = [
        (site.history(), History::read(&site.history()).is_err()),
        (site.journal(), journal::open_step(&site.journal()).is_err()),
        (site.hold(), hold::read(&site.hold()).is_err()),
    ];
    let damaged = found.into_iter().filter(|(_, is_damaged)| *is_damaged);
    damaged.map(|(path, _)| path).collect()
}
