//! Which program is the agent: the one that a package installed, or the one of a release that the
//! host file says carries it.
//!
//! ```text
//! package's program ── exec ──▶ release's program     tried: a deadline, and two starts at most
//!        ▲                             │
//!        │                             ├── looked at every project once: it has proved that it works
//!        │                             └── died: systemd starts the package's program
//!        └──────── exec, when what is live of the installer's project has moved
//! ```
//!
//! The package's program always starts first and decides; it is the one that nothing of this changes.
//! A release's program that did not prove that it works is given up like any release that failed:
//! the one before becomes live again, and the hash is quarantined here.

use std::path::PathBuf;

use bulla_schemas::{Digest, ProjectName, Timestamp};
use semver::Version;

use super::locked::LockedSite;
use crate::live::activation::Ended;
use crate::live::{HookSettings, LiveError, current, program};
use crate::observer::Observer;
use crate::site::{Command, Server, Site};
use crate::state::history::{Activation, ActivationResult, History};
use crate::state::programs::Programs;
use crate::state::{StateError, checked, output, quarantine};

/// The version of this program.
pub(crate) fn version() -> Version {
    let version = env!("CARGO_PKG_VERSION").parse();
    version.unwrap_or(Version::new(0, 0, 0))
}

/// Who is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This program.
    Own {
        /// Why not that of the release that is live, where there is one.
        why: Option<String>,
    },
    /// That of a release.
    Release(Chosen),
}

/// The program of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) hash: Digest,
    pub(crate) path: PathBuf,
    /// Whether it has not worked here before.
    pub(crate) is_trial: bool,
}

/// What a program is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be the agent. What never will be is written down.
    Agent,
    /// To say which would be the agent: nothing is changed.
    Doctor,
    /// To run a command: nothing is tried there.
    Command,
}

/// Chooses the program, where this one is of version `own`. That of the live release is the one,
/// unless it failed or is older than this one; while it has failed and is not given up yet, the
/// latest that worked.
pub(crate) fn choose(
    server: &Server,
    project: &ProjectName,
    purpose: Purpose,
    own: &Version,
) -> Choice {
    let site = server.site(project);
    let Ok(Some(live)) = current::read(&site) else {
        return Choice::Own { why: None };
    };
    let mut programs = Programs::read(server);
    let unfit = match look(&site, &programs, live, purpose, own) {
        Ok(chosen) => return Choice::Release(chosen),
        Err(unfit) => unfit,
    };
    if let Unfit::Broken(why) = &unfit {
        programs.cannot_start(live, why.clone());
        if purpose == Purpose::Agent {
            // Where this cannot be written, it is found again at the next start.
            let _ = programs.write(server);
        }
    }
    let why = match unfit {
        Unfit::None => format!("{}: {}", live.short(), program::none()),
        Unfit::Broken(why) | Unfit::NotNow(why) => {
            format!("the program of {} does not run: {why}", live.short())
        }
    };
    if programs.failure(&live).is_some() {
        let others = programs.proved().filter(|hash| *hash != live);
        let mut others = others.map(|hash| look(&site, &programs, hash, purpose, own));
        if let Some(Ok(chosen)) = others.find(Result::is_ok) {
            return Choice::Release(chosen);
        }
    }
    Choice::Own { why: Some(why) }
}

/// Why the program of a release is not the one.
enum Unfit {
    /// There is none.
    None,
    /// It never will be.
    Broken(String),
    /// Something else is in its way.
    NotNow(String),
}

/// Looks whether the program of a release can be the one.
fn look(
    site: &Site,
    programs: &Programs,
    hash: Digest,
    purpose: Purpose,
    own: &Version,
) -> Result<Chosen, Unfit> {
    let not_now = |why: &str| Unfit::NotNow(why.to_owned());
    if let Some(why) = programs.failure(&hash) {
        return Err(not_now(why));
    }
    let mut failed = quarantine::read(site).unwrap_or_default().into_iter();
    if failed.any(|failed| failed.hash == hash) {
        return Err(not_now("it failed here"));
    }
    let path = program::find(&site.tree(&hash)).map_err(Unfit::Broken)?;
    let path = path.ok_or(Unfit::None)?;
    bulla_files::require_unshared(&path).map_err(|error| Unfit::NotNow(error.to_string()))?;
    let known = programs.version(&hash).cloned();
    if known.is_none() && purpose != Purpose::Command && !checked::is(site, &hash) {
        return Err(Unfit::NotNow(unchecked(site.project())));
    }
    let version = match (&known, purpose) {
        (Some(known), _) => known.clone(),
        (None, Purpose::Agent | Purpose::Doctor) => {
            program::version(&path).map_err(Unfit::Broken)?
        }
        (None, Purpose::Command) => {
            return Err(not_now("it has not proved yet that it works as the agent"));
        }
    };
    if *own > version {
        return Err(Unfit::NotNow(format!(
            "its version {version} is older than {own}, which is installed here"
        )));
    }
    Ok(Chosen {
        hash,
        path,
        is_trial: known.is_none(),
    })
}

/// Says of a release why its program is not tried.
fn unchecked(project: &ProjectName) -> String {
    format!(
        "this server does not know that it passed its check: it was live before this server was told \
         that it carries the installer, or what the server remembers was lost; {} has it tried",
        Command::new(format!("retry {project}"))
    )
}

/// Says why the program of the release that is live is not tried, as far as its files and what is
/// remembered of it tell.
pub(crate) fn untried(server: &Server, site: &Site) -> Option<String> {
    let live = current::read(site).ok().flatten()?;
    match program::find(&site.tree(&live)) {
        Ok(None) => Some(format!(
            "{}: {}; the agent is the installer that its package installed",
            live.short(),
            program::none()
        )),
        Ok(Some(_)) if !has_proved(server, &live) && !checked::is(site, &live) => {
            let has_failed = quarantine::read(site).unwrap_or_default();
            let has_failed = has_failed.iter().any(|failed| failed.hash == live);
            let why = unchecked(site.project());
            (!has_failed).then(|| format!("the program of {} does not run: {why}", live.short()))
        }
        _ => None,
    }
}

/// Has the program of the release that is live tried, because a person said so of it. Returns the
/// release where that is new.
pub(crate) fn let_try(
    server: &Server,
    site: &Site,
    is_asked: impl Fn(&Digest) -> bool,
) -> Result<Option<Digest>, StateError> {
    let Some(live) = current::read(site).ok().flatten().filter(is_asked) else {
        return Ok(None);
    };
    if !matches!(program::find(&site.tree(&live)), Ok(Some(_))) || has_proved(server, &live) {
        return Ok(None);
    }
    let is_new = !checked::is(site, &live);
    checked::write(site, &live)?;
    Ok(is_new.then_some(live))
}

/// What the choice goes by: when it changes, the agent looks whether another program is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    live: Option<Digest>,
    is_failed: bool,
    is_checked: bool,
}

/// Which program this is, and what that was chosen by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launched {
    /// The release that it is from; none for the one that a package installed.
    pub(crate) release: Option<Digest>,
    /// What was looked at before it was chosen; none where another program did that.
    pub(crate) seen: Option<Seen>,
}

/// Looks at what the choice goes by.
pub(crate) fn see(server: &Server, project: Option<&ProjectName>) -> Seen {
    let Some(project) = project else {
        return Seen::default();
    };
    let site = server.site(project);
    let live = current::read(&site).ok().flatten();
    let failed = quarantine::read(&site).unwrap_or_default();
    Seen {
        live,
        is_failed: failed.iter().any(|failed| Some(failed.hash) == live),
        is_checked: live.is_some_and(|live| checked::is(&site, &live)),
    }
}

/// Notes that the program of a release is about to become the agent. Tells whether it may: one that
/// never got anywhere is not started again.
pub(crate) fn begin(server: &Server, hash: Digest) -> Result<bool, StateError> {
    let mut programs = Programs::read(server);
    let may = programs.begin(hash);
    programs.write(server)?;
    Ok(may)
}

/// Notes that the program of a release cannot become the agent.
pub(crate) fn cannot_start(
    server: &Server,
    hash: Digest,
    problem: String,
) -> Result<(), StateError> {
    let mut programs = Programs::read(server);
    programs.cannot_start(hash, problem);
    programs.write(server)
}

/// Tells whether the program of a release has worked as the agent here.
pub(crate) fn has_proved(server: &Server, hash: &Digest) -> bool {
    Programs::read(server).version(hash).is_some()
}

/// Notes that the program of a release works as the agent.
pub(crate) fn prove(server: &Server, hash: Digest, version: Version) -> Result<(), StateError> {
    let mut programs = Programs::read(server);
    programs.prove(hash, version);
    programs.write(server)
}

/// Says why the program of the release that is live failed, where that release is still to be left.
pub(crate) fn to_give_up(server: &Server, site: &Site) -> Option<String> {
    let live = current::read(site).ok().flatten()?;
    let reason = Programs::read(server).failure(&live)?.to_owned();
    let failed = quarantine::read(site).unwrap_or_default();
    (!failed.iter().any(|failed| failed.hash == live)).then_some(reason)
}

/// Leaves a release whose program failed, as one is left whose checks fail. Nothing is done where it
/// has been left meanwhile.
pub(crate) fn give_up(
    locked: &LockedSite,
    server: &Server,
    settings: &HookSettings,
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<(), LiveError> {
    let site = locked.site();
    let (Some(reason), Some(live)) = (to_give_up(server, site), current::read(site)?) else {
        return Ok(());
    };
    let history = History::read(&site.history())?;
    let Some(last) = history.last_of(&live) else {
        return Ok(());
    };
    let activation = Activation {
        number: output::next_number(site, &history),
        from: history.before_live().first().copied(),
        activated_at: now,
        by: None,
        reason: None,
        result: ActivationResult::Activated,
        failure: None,
        failed_at: None,
        output: None,
        ..last.clone()
    };
    let activator = locked.activator(settings, now, observer);
    let ended = activator.give_up(activation, reason)?;
    let mut programs = Programs::read(server);
    programs.forget(&live);
    programs.write(server)?;
    match ended {
        Ended::Failed(failed) => Err(LiveError::Failed(failed)),
        Ended::Unwritten(error) => Err(error.into()),
        Ended::Done => Ok(()),
    }
}
