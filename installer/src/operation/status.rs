//! Status: what is on this disk, read from the disk, beside what the log was last known to want.

use std::collections::BTreeSet;

use bulla_schemas::outcome::Outcome;
pub use bulla_schemas::report::server::{ProjectStatus, Standing};
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, ProjectName, Timestamp};

use super::freshness;
use super::head_failure::{attempt_at, of_head};
use super::observe::ObserveError;
use super::rollout::Arrival;
use super::{command, known, program};
use crate::config::{HostConfig, ProjectConfig};
use crate::drift::examine::Look;
use crate::drift::set_aside;
use crate::fetch::FetchError;
use crate::fetch::log::{Remembered, remembered};
use crate::live::{current, folders};
use crate::observer::{Observer, with_hint};
use crate::site::{Server, Site};
use crate::state::history::{Activation, ActivationResult, History};
use crate::state::leftovers;
use crate::state::{attempt, drained, hold, output as outputs, quarantine};
use crate::state::{behind, synced, unread};
use crate::tree::{Difference, persist, releases};

/// Returns the status of one project, or of all that were ever installed here or are followed. Takes
/// no lock and changes nothing but hints.
pub fn status(
    server: &Server,
    config: &HostConfig,
    project: Option<&ProjectName>,
    now: Timestamp,
) -> Result<Vec<ProjectStatus>, ObserveError> {
    let is_followed = |project: &ProjectName| config.project(project).channel.is_some();
    let mut log = remembered(server);
    // The next install does that.
    let is_new = matches!(log.problem, Some(FetchError::NotEnrolled { .. }));
    if is_new && config.enrolls() {
        log.problem = None;
    }
    let synced_at = synced::read(server);
    let unread = unread::read(server);
    let behind = behind::read(server);
    let projects = match project {
        Some(project) if !known::is_known(&server.site(project)) && !is_followed(project) => {
            return Err(ObserveError::NotInstalled {
                project: project.clone(),
            });
        }
        Some(project) => BTreeSet::from([project.clone()]),
        None => {
            let mut projects = known::projects(server)?;
            projects.extend(config.followed().map(|(project, _)| project.clone()));
            projects
        }
    };
    Ok(projects
        .into_iter()
        .map(|project| {
            let site = server.site(&project);
            let mut found = ProjectStatus {
                synced_at,
                unread: unread.clone(),
                behind: behind.clone(),
                ..observe(&site, &config.project(site.project()), &log, now)
            };
            if config.installer.as_ref() == Some(site.project()) {
                let why = program::untried(server, &site);
                let problems: Vec<_> = found.problem.take().into_iter().chain(why).collect();
                found.problem = (!problems.is_empty()).then(|| problems.join("; "));
            }
            found
        })
        .collect())
}

/// Returns the journal of a project's activations, oldest first. What cannot be understood of it is
/// noted.
pub fn history(
    server: &Server,
    project: &ProjectName,
    observer: &dyn Observer,
) -> Result<Vec<Activation>, ObserveError> {
    let site = server.site(project);
    let history = History::read(&site.history())?;
    if !known::is_known(&site) {
        return Err(ObserveError::NotInstalled {
            project: project.clone(),
        });
    }
    let is_live = current::read(&site).ok().flatten().is_some();
    let lost = lost(&site, &history, is_live);
    for problem in history.damage(&site.history()).into_iter().chain(lost) {
        observer.note(&problem);
    }
    Ok(history.activations().to_vec())
}

/// Returns what the hooks and checks of an activation wrote, or of the latest that wrote something,
/// with its number; `None` when that is not kept.
pub fn output(
    server: &Server,
    project: &ProjectName,
    number: Option<u64>,
) -> Result<Option<(u64, String)>, ObserveError> {
    let site = server.site(project);
    // Of a first install that failed, nothing else is left.
    if !known::is_known(&site) && outputs::numbers(&site).is_empty() {
        return Err(ObserveError::NotInstalled {
            project: project.clone(),
        });
    }
    let Some(number) = number.or_else(|| outputs::numbers(&site).pop()) else {
        return Ok(None);
    };
    let text = outputs::read(&site, number)?;
    Ok(text.map(|text| (number, text)))
}

/// What is wrong with a project. It never hides what else is known of that project, nor of others.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    /// Takes what could be read, and notes why the rest could not be.
    fn or_default<T: Default, E: Outcome>(&mut self, result: Result<T, E>) -> T {
        result.unwrap_or_else(|error| {
            self.add(&error);
            T::default()
        })
    }

    fn add(&mut self, error: &impl Outcome) {
        self.0.push(with_hint(error));
    }

    /// Compares the live tree with its release. What cannot be compared is a problem.
    fn differences(
        &mut self,
        site: &Site,
        history: &History,
        hash: &Digest,
        look: Look,
    ) -> Option<Vec<Difference>> {
        let path = site.tree(hash);
        let found = match look.compare(site) {
            Ok(Some(found)) => return Some(found.differences),
            Ok(None) if releases::is_on_disk(site, hash) => format!(
                "`{}` cannot be compared with its release, because what is kept of that in `{}` \
                 is missing or damaged",
                path.display(),
                site.bundle(hash).display()
            ),
            Ok(None) => match set_aside::stand_in(&path) {
                Some(kind) => format!(
                    "`{}` is a {kind}, not the tree of the live release",
                    path.display()
                ),
                None => format!(
                    "the tree of the live release is gone: `{}` does not exist",
                    path.display()
                ),
            },
            Err(error) => return self.or_default(Err(error)),
        };
        let command = command::install(site, history);
        self.0.push(format!("{found}; {command} repairs it"));
        None
    }

    fn into_text(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

fn observe(site: &Site, config: &ProjectConfig, log: &Remembered, now: Timestamp) -> ProjectStatus {
    let mut problems = Problems::default();
    if let Some(error) = &log.problem {
        problems.add(error);
    }
    let log = &log.state;
    let history = problems.or_default(History::read(&site.history()));
    problems.0.extend(history.damage(&site.history()));
    problems.or_default(folders::check(site, known::was_installed(site)));
    problems.or_default(folders::shared(site).map_or(Ok(()), Err));
    let live = problems.or_default(current::read(site));
    problems.0.extend(lost(site, &history, live.is_some()));
    let hold = problems.or_default(hold::read(&site.hold()));
    let quarantine = problems.or_default(quarantine::read(site));
    let activation = live.and_then(|hash| history.last_of(&hash));
    let followed = config.channel.clone();
    let channel = followed.or_else(|| history.channel().cloned());
    let promoted = channel
        .as_ref()
        .and_then(|channel| log.head(site.project(), channel));
    let head = promoted.map(|head| head.hash);
    let failure = activation
        .filter(|activation| activation.result == ActivationResult::Failed)
        .and_then(|activation| activation.failure.clone());
    let attempt = match promoted {
        // One of a release that is not wanted any more is over.
        Some(head) => attempt_at(site, (log, head), live),
        None => attempt::read(site).filter(|failed| live != Some(failed.hash)),
    };
    let past = (&history, &*quarantine);
    let has_head_failed =
        promoted.is_some_and(|head| of_head(head, attempt.as_ref(), past).is_some());
    // Of what people only warn, servers take it.
    let is_revoked = |hash: &Digest| log.revocation(site.project(), hash) == Some(Severity::Block);
    let standing = match (live, head) {
        _ if failure.is_some() || has_head_failed => Standing::Failed,
        (None, _) => Standing::NotInstalled,
        (Some(live), _) if is_revoked(&live) => Standing::Revoked,
        (Some(live), _) if hold.as_ref().is_some_and(|hold| hold.hash == live) => Standing::Held,
        (Some(live), Some(head)) if live == head => Standing::UpToDate,
        (Some(_), Some(_)) => Standing::Behind,
        (Some(_), None) => Standing::Unknown,
    };
    let waiting = promoted
        .filter(|_| matches!(standing, Standing::Behind | Standing::NotInstalled))
        .and_then(|head| {
            let arrival = Arrival::new(site, config, (log, &history), head);
            let waiting = arrival.known(now).waiting()?;
            Some(match arrival.way_back(live, now) {
                Some(way_back) => way_back.add_to(&waiting),
                None => waiting,
            })
        });
    let standing = match &waiting {
        Some(_) => Standing::Waiting,
        None => standing,
    };
    // One that is damaged is named where the tree cannot be compared with it.
    let look = live.map(|hash| (hash, Look::at(site, &hash)));
    let kept = look.as_ref().and_then(|(_, look)| look.kept.as_ref());
    let missing = kept.map_or_else(Vec::new, |kept| {
        problems.or_default(persist::missing(site, &kept.release().install))
    });
    let differences =
        look.and_then(|(hash, look)| problems.differences(site, &history, &hash, look));
    let set_aside = problems.or_default(set_aside::list(site));
    let stale = channel
        .as_ref()
        .and_then(|channel| freshness::stale(site, channel, log, None, now));
    ProjectStatus {
        project: site.project().clone(),
        channel,
        live,
        revision: activation.map(|activation| activation.revision.clone()),
        activated_at: activation.map(|activation| activation.activated_at),
        head,
        standing,
        hold,
        waiting,
        failure,
        attempt,
        drained: drained::read(site),
        quarantine,
        differences,
        set_aside,
        missing,
        problem: problems.into_text(),
        leftovers: leftovers::read(site),
        synced_at: None,
        unread: None,
        behind: Vec::new(),
        stale,
    }
}

/// Says which of the two that tell what was live is gone, and how it comes back.
fn lost(site: &Site, history: &History, is_live: bool) -> Option<String> {
    let back = format!(
        "the next {} or {}",
        command::install(site, history),
        command::rollback(site)
    );
    let path = site.current();
    match (history.last(), is_live) {
        (Some(last), false) if path.symlink_metadata().is_err() => Some(format!(
            "`{}` does not exist, so that nothing is live; {} was live last, and {back} puts a \
             link back",
            path.display(),
            last.hash.short()
        )),
        (None, true) => Some(format!(
            "the history in `{}` is lost; {back} writes what can be known of it",
            site.history().display()
        )),
        (Some(last), true) if current::read(site).ok().flatten() != Some(last.hash) => {
            Some(format!(
                "`{}` was switched, and that is not in the history yet; {back} writes it there",
                path.display()
            ))
        }
        _ => None,
    }
}
