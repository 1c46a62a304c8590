//! `LockedSite`: a project that this process alone changes. Whatever a dead process left there is
//! finished or undone before anything else happens, and whatever of the installer's memory is
//! damaged is put out of the way.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bulla_files::{FileError, Lock, TryLock};
use bulla_schemas::{Digest, ProjectName, Timestamp};

use super::known;
use crate::failpoint::failpoint;
use crate::fetch::log::remembered;
use crate::live::activation::Activator;
use crate::live::recover::{self, Recovered, Unproved};
use crate::live::{FailedRelease, HookSettings, LiveError, folders, sweep};
use crate::observer::{Observer, with_causes};
use crate::platform::files;
use crate::site::{Server, Site};
use crate::state::history::History;
use crate::state::{StateError, damaged, hold, journal, json, quarantine, rollout};
use crate::tree::note;

/// A project's site, locked until this is dropped. A project of which nothing was installed is then
/// forgotten.
#[derive(Debug)]
pub struct LockedSite {
    site: Site,
    /// What was made live here before, as it was once the site was recovered.
    history: History,
    /// The release of a dead process that failed when it was proved now.
    failed: Option<Box<FailedRelease>>,
    /// When it was the time of the opening.
    begun: Instant,
    _lock: Lock,
}

/// Who opens a site, and what becomes of a release that a dead process made live.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// What others read who wait for the lock.
    pub command: &'a str,
    /// What this server says about hooks.
    pub settings: &'a HookSettings,
    /// What is done with a release that was not proved.
    pub unproved: Unproved,
    /// The time.
    pub now: Timestamp,
}

impl LockedSite {
    /// Waits for the project's lock and recovers.
    pub fn open(
        server: &Server,
        project: &ProjectName,
        opening: Opening<'_>,
        observer: &dyn Observer,
    ) -> Result<Self, LiveError> {
        let Opening { command, now, .. } = opening;
        let begun = Instant::now();
        let site = server.site(project);
        bulla_files::create_private_directory(server.state())?;
        folders::check(&site, known::was_installed(&site))?;
        let lock = match &opening.settings.inside {
            Some(hook) => lock_inside(&site, command, now, hook)?,
            None => lock(&site, command, now, observer)?,
        };
        failpoint!("locked::lock-taken");
        // Before any of it is taken for damaged.
        json::refuse_newer(&site.decisive())?;
        let mut locked = Self {
            site,
            history: History::default(),
            failed: None,
            begun,
            _lock: lock,
        };
        locked.recover(server, opening, observer)?;
        Ok(locked)
    }

    fn recover(
        &mut self,
        server: &Server,
        opening: Opening<'_>,
        observer: &dyn Observer,
    ) -> Result<(), LiveError> {
        let (site, now) = (&self.site, opening.now);
        let history = History::read(&site.history());
        let damaged = damaged_files(site, &history);
        let mut is_other = history.is_err();
        for (path, damage) in damaged {
            observer.note(&match damaged::keep(&path, now) {
                Ok(kept) => format!("{damage}; it is kept as `{}`", kept.display()),
                Err(error) => with_causes(&error),
            });
        }
        let mut history = history.unwrap_or_default();
        if let Some(damage) = history.damage(&site.history()) {
            observer.note(&damage);
        }
        let activator = self.activator(opening.settings, now, observer);
        let recovered = recover::recover(&activator, opening.unproved)?;
        is_other |= !matches!(recovered, Recovered::Nothing);
        match recovered {
            Recovered::Nothing => {}
            Recovered::Failed(failed) => {
                observer.note(&format!("an interrupted activation was undone: {failed}"));
                self.failed = Some(failed);
            }
            Recovered::Finished => observer.note("an interrupted activation was finished"),
            Recovered::Undone => observer.note("an interrupted activation was undone"),
            Recovered::Unwritten(error) => observer.note(&known::unwritten(&error)),
        }
        if is_other {
            // What cannot be read now is read, or refused, by what needs it.
            history = History::read(&site.history())?;
        }
        if known::was_installed(site) && !site.journal().exists() {
            let log = remembered(server).state;
            history = known::restore_history(site, history, &log, now, observer);
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
        self.history = history;
        Ok(())
    }

    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }

    /// Returns what takes steps on the project; `now` is the time that the site was opened with.
    pub(crate) const fn activator<'a>(
        &'a self,
        settings: &'a HookSettings,
        now: Timestamp,
        observer: &'a dyn Observer,
    ) -> Activator<'a> {
        Activator {
            site: &self.site,
            settings,
            now,
            begun: self.begun,
            observer,
        }
    }

    /// Returns what was made live here before this command.
    pub(crate) const fn history(&self) -> &History {
        &self.history
    }

    /// Returns the release that failed when this command went on with it.
    pub(crate) fn failed(&self, hash: &Digest) -> Option<&FailedRelease> {
        self.failed.as_deref().filter(|failed| failed.hash == *hash)
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
    let keep_refused = |path: &Path, check: Check| {
        let note = damaged::keep_refused(path, now, check)?;
        if let Some(note) = note {
            observer.note(&note);
        }
        Ok::<_, FileError>(())
    };
    for directory in site.shared_directories() {
        if matches!(files::has_directory(directory), Err(error) if error.is_damage()) {
            keep_refused(directory, files::has_directory)?;
        }
    }
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
            Err(error) if error.is_damage() => keep_refused(&site.lock(), files::has_file)?,
            taken => return taken,
        }
    }
}

/// Takes the lock for a command that a hook started: it does not wait for what waits for it.
fn lock_inside(site: &Site, command: &str, now: Timestamp, hook: &str) -> Result<Lock, LiveError> {
    bulla_files::create_private_directory(site.state())?;
    match Lock::try_take(&site.lock(), command, now)? {
        TryLock::Taken(lock) => Ok(lock),
        TryLock::Held { holder } => Err(LiveError::InsideHook {
            project: site.project().clone(),
            holder,
            hook: hook.to_owned(),
        }),
    }
}

/// Tells whether the right thing is at a path, and refuses a wrong one.
type Check = fn(&Path) -> Result<bool, FileError>;

/// Returns what cannot be read or understood as a whole of a project's state, and what each is.
fn damaged_files(site: &Site, history: &Result<History, StateError>) -> Vec<(PathBuf, String)> {
    let mut damaged = Vec::new();
    let (journal, hold) = (site.journal(), site.hold());
    for (path, error) in [
        (site.history(), history.as_ref().err()),
        (journal.clone(), journal::open_step(&journal).err().as_ref()),
        (hold.clone(), hold::read(&hold).err().as_ref()),
        (site.quarantine(), quarantine::read(site).err().as_ref()),
        (site.rollout(), rollout::check(site).err().as_ref()),
    ] {
        match error {
            None => {}
            Some(StateError::File(error)) => damaged.push((path, with_causes(error))),
            Some(_) => damaged.push((path.clone(), format!("`{}` is damaged", path.display()))),
        }
    }
    // What is in these can be made again, and is looked at where it is used.
    let mut check = |path: PathBuf, check: Check| match check(&path) {
        Err(error) if error.is_damage() => damaged.push((path, error.to_string())),
        _ => {}
    };
    for path in [site.leftovers(), site.drained(), site.attempt()] {
        check(path, files::has_file);
    }
    for directory in [site.records(), site.spools()] {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if !damaged::is_kept(&entry.file_name()) {
                check(entry.path(), files::has_file);
            }
        }
        check(directory, files::has_directory);
    }
    damaged
}
