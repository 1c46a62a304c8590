//! When the agent looks at what: after an event, after a failure with growing pauses, and now and
//! then in any case. Knows no clock and no disk.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bulla_schemas::ProjectName;

/// The first pause after a failure; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// When to look at what.
#[derive(Debug)]
pub(super) struct Schedule {
    projects: BTreeMap<ProjectName, Due>,
    log: Due,
    report: Due,
    poll: Duration,
}

/// When something is to be looked at, and how often in a row that failed.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Option<Instant>,
    failures: u32,
}

impl Due {
    const fn at(at: Instant) -> Self {
        Self {
            at: Some(at),
            failures: 0,
        }
    }

    fn is(self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    fn failed(&mut self, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.at = Some(now + jittered(pause.min(LONGEST_PAUSE)));
    }
}

impl Schedule {
    /// Everything is due now, and later at least every `poll`.
    pub(super) fn new(projects: BTreeSet<ProjectName>, poll: Duration, now: Instant) -> Self {
        Self {
            projects: projects
                .into_iter()
                .map(|project| (project, Due::at(now)))
                .collect(),
            log: Due::at(now),
            report: Due::at(now),
            poll,
        }
    }

    pub(super) fn projects(&self) -> BTreeSet<ProjectName> {
        self.projects.keys().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.projects.len()
    }

    pub(super) fn is_log_due(&self, now: Instant) -> bool {
        self.log.is(now)
    }

    /// A registry says that its log has grown. While none can be read, that is no reason to ask
    /// sooner.
    pub(super) fn log_has_grown(&mut self, now: Instant) {
        if self.log.failures == 0 {
            self.log.at = Some(now);
        }
    }

    /// The log was read, or could not be. Every project is looked at then: a person, or another
    /// command, may have changed it.
    pub(super) fn log_was_read(&mut self, is_read: bool, now: Instant) {
        if is_read {
            self.log = Due::at(now + jittered(self.poll));
        } else {
            self.log.failed(now);
        }
        for due in self.projects.values_mut().filter(|due| due.failures == 0) {
            due.at = Some(now);
        }
    }

    /// The channels of projects have moved: what failed before is tried at once.
    pub(super) fn have_moved(&mut self, projects: &BTreeSet<ProjectName>, now: Instant) {
        for (project, due) in &mut self.projects {
            if projects.contains(project) {
                *due = Due::at(now);
            }
        }
    }

    /// Another command has changed a project: what failed before may work now.
    pub(super) fn was_changed(&mut self, project: &ProjectName, now: Instant) {
        if let Some(due) = self.projects.get_mut(project) {
            *due = Due::at(now);
        }
    }

    /// Returns a project that is due and not being worked on, and takes it from those that are due.
    pub(super) fn take_due(
        &mut self,
        now: Instant,
        running: &BTreeSet<ProjectName>,
    ) -> Option<ProjectName> {
        let (project, due) = self
            .projects
            .iter_mut()
            .find(|(project, due)| due.is(now) && !running.contains(*project))?;
        due.at = None;
        Some(project.clone())
    }

    /// A project is where it belongs.
    pub(super) fn is_settled(&mut self, project: &ProjectName) {
        if let Some(due) = self.projects.get_mut(project) {
            due.failures = 0;
        }
    }

    /// A project waits, at most for so long. Until then it is looked at when all are.
    pub(super) fn waits(&mut self, project: &ProjectName, at: Option<Instant>) {
        if let Some(due) = self.projects.get_mut(project) {
            *due = Due { at, failures: 0 };
        }
    }

    /// A project could not be brought to its channel.
    pub(super) fn failed(&mut self, project: &ProjectName, now: Instant) {
        if let Some(due) = self.projects.get_mut(project) {
            due.failed(now);
        }
    }

    pub(super) fn is_report_due(&self, now: Instant) -> bool {
        self.report.is(now)
    }

    /// Something has changed.
    pub(super) fn report_is_due(&mut self, now: Instant) {
        self.report.at = Some(now);
    }

    pub(super) fn was_reported(&mut self, now: Instant) {
        self.report = Due::at(now + jittered(self.poll / 2));
    }

    /// Returns how long nothing is due.
    pub(super) fn idle(&self, now: Instant, running: &BTreeSet<ProjectName>) -> Duration {
        let projects = self.projects.iter();
        let projects = projects.filter(|(project, _)| !running.contains(*project));
        projects
            .map(|(_, due)| due)
            .chain([&self.log, &self.report])
            .filter_map(|due| due.at)
            .min()
            .map_or(self.poll, |at| at.saturating_duration_since(now))
    }
}

/// Returns between three quarters and five quarters of a time, so that servers do not come together.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.75 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_mins(5);

    fn names(names: &[&str]) -> BTreeSet<ProjectName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn begin() -> (Schedule, Instant) {
        let now = Instant::now();
        (Schedule::new(names(&["a", "b"]), POLL, now), now)
    }

    #[test]
    fn everything_is_due_at_the_start_and_each_project_taken_once() {
        let (mut schedule, now) = begin();
        assert!(schedule.is_log_due(now) && schedule.is_report_due(now));
        let none = BTreeSet::new();
        assert_eq!(
            schedule.take_due(now, &names(&["a"])),
            Some("b".parse().unwrap())
        );
        assert_eq!(schedule.take_due(now, &none), Some("a".parse().unwrap()));
        assert_eq!(schedule.take_due(now, &none), None);
    }

    #[test]
    fn pauses_after_failures_grow_to_a_bound_and_end_when_the_channel_moves() {
        let (mut schedule, mut now) = begin();
        let (a, none) = ("a".parse().unwrap(), BTreeSet::new());
        let mut last = Duration::ZERO;
        for _ in 0..40 {
            while schedule.take_due(now, &none).is_some() {}
            schedule.log_was_read(true, now);
            while schedule.take_due(now, &none).is_some() {}
            schedule.failed(&a, now);
            schedule.was_reported(now);
            let due = schedule.projects[&a].at.unwrap();
            last = due - now;
            assert!(last >= FIRST_PAUSE / 2 && last <= LONGEST_PAUSE * 5 / 4);
            now = due;
        }
        assert!(last >= LONGEST_PAUSE / 2);
        while schedule.take_due(now, &none).is_some() {}
        schedule.failed(&a, now);
        schedule.have_moved(&names(&["a"]), now);
        assert_eq!(schedule.take_due(now, &none), Some(a));
    }

    #[test]
    fn a_registry_that_cannot_be_read_is_not_asked_more_often_because_it_calls() {
        let (mut schedule, now) = begin();
        schedule.log_was_read(false, now);
        schedule.log_has_grown(now);
        assert!(!schedule.is_log_due(now));
        schedule.log_was_read(true, now);
        schedule.log_has_grown(now);
        assert!(schedule.is_log_due(now));
    }

    #[test]
    fn what_waits_is_looked_at_when_its_time_comes_and_with_all_others() {
        let (mut schedule, now) = begin();
        let (a, none) = ("a".parse().unwrap(), BTreeSet::new());
        schedule.log_was_read(true, now);
        while schedule.take_due(now, &none).is_some() {}
        schedule.was_reported(now);
        let soon = now + Duration::from_secs(1);
        schedule.waits(&a, Some(soon));
        assert_eq!(schedule.take_due(now, &none), None);
        assert_eq!(schedule.idle(now, &none), Duration::from_secs(1));
        assert_eq!(schedule.take_due(soon, &none), Some(a.clone()));
        schedule.waits(&a, None);
        assert_eq!(schedule.take_due(soon, &none), None);
        schedule.log_was_read(true, soon);
        assert!(schedule.take_due(soon, &none).is_some());
    }

    #[test]
    fn nothing_is_due_for_some_time_once_all_is_done() {
        let (mut schedule, now) = begin();
        let none = BTreeSet::new();
        schedule.log_was_read(true, now);
        while schedule.take_due(now, &none).is_some() {}
        schedule.was_reported(now);
        assert!(schedule.idle(now, &none) > POLL / 4);
    }
}
