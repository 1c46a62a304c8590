//! What the agent tells the registries of this server: read back from the disk, and never what was
//! ordered. Nothing depends on whether anybody hears it.

use std::collections::BTreeMap;
use std::path::Path;

use bulla_schemas::api::{
    DiskSpace, Health, HostFacts, HostReport, ProjectReport, ReportedDrain, ReportedError,
    ReportedHold, ReportedWaiting,
};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::period::Period;
use bulla_schemas::{Digest, HostName, ProjectName, Timestamp};
use bulla_trust::LogState;

use super::orders::Orders;
use super::worker::Failure;
use crate::fetch::{Access, FetchError};
use crate::observer::{with_causes, with_hint};
use crate::operation::ProjectStatus;
use crate::operation::head_failure::{HeadFailure, of_head};
use crate::state::history::{ActivationResult, History};

/// Most releases of a project of which it is reported that they failed.
const MOST_FAILED: usize = 5;

/// Whether a registry took a report.
#[derive(Debug)]
pub(super) enum Heard {
    Yes,
    /// It did, but for these projects.
    Partly {
        left_out: String,
    },
    /// It did not take the one before.
    Again,
    No {
        problem: String,
        is_news: bool,
    },
}

/// What failed of a promotion.
#[derive(Debug)]
struct Remembered {
    entry: u64,
    error: ReportedError,
}

/// Reports, and remembers what failed until it succeeds.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    errors: BTreeMap<ProjectName, Remembered>,
    /// Why no registry took the last report.
    unheard: Option<String>,
    /// What the registry left out of the last report that one took.
    left_out: Vec<ProjectName>,
}

impl Reporter {
    /// Remembers why a project could not be brought to its channel, and since when that is so of the
    /// promotion.
    pub(super) fn failed(
        &mut self,
        (project, entry): (&ProjectName, u64),
        failure: &Failure,
        now: Timestamp,
    ) {
        let before = self.errors.remove(project);
        let before = before.filter(|before| before.entry == entry);
        let is_same = |before: &Remembered| {
            (before.error.kind, before.error.hash) == (failure.kind, failure.of_other)
        };
        let before = before.filter(is_same);
        let error = ReportedError {
            kind: failure.kind,
            message: failure.reported.as_str().into(),
            at: before.map_or(now, |before| before.error.at),
            hash: failure.of_other,
        };
        self.errors
            .insert(project.clone(), Remembered { entry, error });
    }

    /// Forgets why a project could not be brought to its channel. Tells whether there was something
    /// to forget.
    pub(super) fn succeeded(&mut self, project: &ProjectName) -> bool {
        self.errors.remove(project).is_some()
    }

    /// Tells the registries how this server is, as it was just found.
    pub(super) fn report(
        &mut self,
        orders: &Orders,
        log: &LogState,
        found: Result<Vec<ProjectStatus>, String>,
        (interval, now): (Period, Timestamp),
    ) -> Heard {
        let sent = found
            .and_then(|found| self.describe(orders, log, found, (interval, now)))
            .and_then(|(name, report)| send(orders, &name, &report));
        let (left_out, problem) = match sent {
            Ok(left_out) => (Some(left_out), None),
            Err(problem) => (None, Some(problem)),
        };
        let before = std::mem::replace(&mut self.unheard, problem);
        let is_other = left_out.is_some_and(|left_out| {
            let before = std::mem::replace(&mut self.left_out, left_out);
            before != self.left_out && !self.left_out.is_empty()
        });
        match (before, &self.unheard) {
            // Said once, and again when it is about others.
            (_, None) if is_other => {
                let projects: Vec<_> = self.left_out.iter().map(ProjectName::as_str).collect();
                Heard::Partly {
                    left_out: projects.join(", "),
                }
            }
            (None, None) => Heard::Yes,
            (Some(_), None) => Heard::Again,
            (before, Some(problem)) => Heard::No {
                is_news: before.as_ref() != Some(problem),
                problem: problem.clone(),
            },
        }
    }

    fn describe(
        &self,
        orders: &Orders,
        log: &LogState,
        found: Vec<ProjectStatus>,
        (interval, now): (Period, Timestamp),
    ) -> Result<(HostName, HostReport), String> {
        let name = host_name(orders)?;
        let projects = found
            .into_iter()
            .map(|status| self.project(orders, log, status));
        let projects: Vec<ProjectReport> = projects.collect();
        let facts = HostFacts {
            observed_at: now,
            interval,
            installer: env!("CARGO_PKG_VERSION").into(),
            system: system().as_str().into(),
            log_size: log.size(),
            root_disk: space(orders.server.root()),
            state_disk: space(orders.server.state()),
        };
        let projects = projects.try_into().map_err(|error| with_causes(&error))?;
        Ok((name, HostReport { facts, projects }))
    }

    fn project(&self, orders: &Orders, log: &LogState, status: ProjectStatus) -> ProjectReport {
        let site = orders.server.site(&status.project);
        // Of a project that is not followed, nothing is expected.
        let config = orders.config.project(&status.project);
        let history = History::read(&site.history()).unwrap_or_default();
        let channel = status.channel.as_ref();
        let head = channel.and_then(|channel| log.head(&status.project, channel));
        let past = (&history, &*status.quarantine);
        let head_failure = head.and_then(|head| of_head(head, status.attempt.as_ref(), past));
        // What came of another promotion is over.
        let error = self.errors.get(&status.project);
        let error = error.filter(|error| head.is_some_and(|head| head.entry == error.entry));
        let error = error.map(|remembered| &remembered.error);
        // That it is refused since then, that a registry is away or that another release failed says
        // nothing about why it failed.
        let says_why = |error: &&ReportedError| {
            let has_failed = matches!(error.kind, FailureKind::Failed | FailureKind::RolledBack);
            has_failed && error.hash.is_none()
        };
        let last_error = error.filter(|error| head_failure.is_none() || says_why(error));
        let last_error = last_error.cloned();
        ProjectReport {
            wave: config.wave(),
            channel: config.channel,
            live: status.live,
            activated_at: status.activated_at,
            head: status.head,
            standing: status.standing,
            waiting: status.waiting.map(|waiting| ReportedWaiting {
                until: waiting.until,
                reason: waiting.reason.into(),
            }),
            head_failed: head_failure.is_some(),
            failed: {
                let latest_first = status.quarantine.iter().rev().map(|failed| failed.hash);
                latest_first.take(MOST_FAILED).collect()
            },
            health: match (&status.failure, status.live) {
                (Some(_), _) => Health::Failing,
                (None, Some(live)) => health(&history, &live),
                (None, None) => Health::Unknown,
            },
            drift: status
                .differences
                .map(|differences| differences.len() as u64),
            hold: status.hold.map(|hold| ReportedHold {
                hash: hold.hash,
                since: hold.since,
                by: hold.by.map(Into::into),
                reason: hold.reason.map(Into::into),
            }),
            drained: status.drained.map(|drained| ReportedDrain {
                since: drained.since,
                reason: drained.reason.map(Into::into),
            }),
            last_error: last_error.or_else(|| {
                let HeadFailure { kind, reason, at } = head_failure?;
                let message = reason.as_str().into();
                Some(ReportedError {
                    kind,
                    message,
                    at,
                    hash: None,
                })
            }),
            project: status.project,
        }
    }
}

/// What came of the checks when the live release was activated.
fn health(history: &History, live: &Digest) -> Health {
    match history.last_of(live).map(|activation| activation.result) {
        Some(ActivationResult::Healthy) => Health::Healthy,
        Some(ActivationResult::Failed) => Health::Failing,
        Some(ActivationResult::Activated) | None => Health::Unknown,
    }
}

/// The name in the host file, else the one that the operating system has.
fn host_name(orders: &Orders) -> Result<HostName, String> {
    if let Some(name) = &orders.config.name {
        return Ok(name.clone());
    }
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy().to_lowercase();
    name.parse()
        .map_err(|error| format!("{error}; `name` in the host file says how this server is called"))
}

/// Sends a report to the first registry that takes it. Returns the projects that it left out.
fn send(orders: &Orders, name: &HostName, report: &HostReport) -> Result<Vec<ProjectName>, String> {
    let mut problem = String::new();
    for access in orders
        .registries
        .iter()
        .filter(|access| access.token.is_some())
    {
        let sent = access
            .supply()
            .and_then(|supply| supply.report(name, report));
        match sent {
            Ok(left_out) => return Ok(left_out),
            Err(error) => problem = explain(&error, access, name),
        }
    }
    Err(problem)
}

/// Says which token it was that a registry refused: the service and a person's shell may have
/// different ones. A token is for one host, so one that is valid may be that of another name.
fn explain(error: &FetchError, access: &Access, name: &HostName) -> String {
    let problem = with_hint(error);
    match (&access.token, error.status()) {
        (Some(token), Some(403)) => format!(
            "{problem}; the token came from {}, and this server reports as `{name}`: \
             `bulla-registry token create --scope pull,report --host {name}` makes one for it, and `name` \
             in the host file gives it another name",
            token.origin
        ),
        (Some(token), Some(401)) => {
            format!("{problem}; the token came from {}", token.origin)
        }
        _ => problem,
    }
}

/// What the operating system calls itself, os-release(5).
fn system() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = rustix::system::uname();
    format!(
        "{}, {} {}",
        name.unwrap_or("an unknown system").trim_matches('"'),
        kernel.sysname().to_string_lossy(),
        kernel.release().to_string_lossy()
    )
}

fn space(path: &Path) -> Option<DiskSpace> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(DiskSpace {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        free_inodes: (found.f_files > 0).then_some(found.f_favail),
    })
}
