//! When a server may make its channel's head live: its wave, which the promotion and its own clock
//! let go; its windows; and what servers of earlier waves report.
//!
//! The log alone lets a wave go. What the registry says of other servers can only delay one whose
//! time has come by the clock, and a widening by people, which is in the log, ends that too.

mod course;
mod others;
mod when;

use bulla_schemas::Timestamp;
use bulla_trust::{Head, LogState};

use self::course::Course;
use self::when::{Circumstances, when};
use crate::config::ProjectConfig;
use crate::fetch::supply::Supply;
use crate::observer::Observer;
use crate::site::Site;
use crate::state::StateError;
use crate::state::history::History;
use crate::state::rollout::{self, FailedHost, Remembered};

pub(crate) use self::when::{When, Why};

/// A head that is not live on this server.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    site: &'a Site,
    config: &'a ProjectConfig,
    head: &'a Head,
    course: Course,
}

impl<'a> Arrival<'a> {
    pub(crate) fn new(
        site: &'a Site,
        config: &'a ProjectConfig,
        (log, history): (&LogState, &History),
        head: &'a Head,
    ) -> Self {
        Self {
            site,
            config,
            head,
            course: Course::of(head, log, history),
        }
    }

    /// Says when the server may make it live, by what it knows without asking anybody.
    pub(crate) fn known(&self, now: Timestamp) -> When {
        let remembered = rollout::read(self.site, self.head.entry).ok().flatten();
        self.remembering(remembered, now)
    }

    /// Returns what the server waits for that nobody has to be asked about. Of a promotion that it
    /// does not remember yet, only a pause: when it first knew it is written down by an install.
    pub(crate) fn waits(&self, now: Timestamp) -> Option<When> {
        let remembered = rollout::read(self.site, self.head.entry).ok().flatten();
        if remembered.is_none() && !self.head.is_paused() {
            return None;
        }
        match self.remembering(remembered, now) {
            When::Now | When::Waits(Why::Failure { .. }) => None,
            when => Some(when),
        }
    }

    fn remembering(&self, remembered: Option<Remembered>, now: Timestamp) -> When {
        let seen_at = remembered.as_ref().map_or(now, |found| found.seen_at);
        self.decide((now, seen_at), || remembered?.failed)
    }

    /// Says it after the registry was asked about other servers, where that matters, and remembers
    /// what counts later: a failure that is known stands until its server says otherwise.
    pub(crate) fn asked(
        &self,
        supply: &Supply,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<When, StateError> {
        let before = rollout::read(self.site, self.head.entry)?;
        let mut remembered = before.clone().unwrap_or(Remembered {
            entry: self.head.entry,
            seen_at: now,
            failed: None,
        });
        let mut is_answered = true;
        let when = self.decide((now, remembered.seen_at), || {
            let answer = others::ask(supply, &self.head.project);
            is_answered = answer.is_some();
            let known = remembered.failed.take();
            remembered.failed = match answer {
                Some(answer) => others::failure(&answer, self.head, self.config.wave(), known),
                None => known.map(|known| known.unasked(now)),
            };
            remembered.failed.clone()
        });
        if when == When::Now {
            if !is_answered {
                observer.note(
                    "the registry could not be asked how the servers of earlier waves are; the log \
                     alone counts",
                );
            }
            rollout::forget(self.site)?;
        } else if before.as_ref() != Some(&remembered) {
            rollout::write(self.site, &remembered)?;
        }
        Ok(when)
    }

    fn decide(
        &self,
        (now, seen_at): (Timestamp, Timestamp),
        failed: impl FnOnce() -> Option<FailedHost>,
    ) -> When {
        let circumstances = Circumstances {
            head: self.head,
            course: self.course,
            wave: self.config.wave(),
            windows: &self.config.windows(),
            now,
            seen_at,
        };
        when(&circumstances, failed)
    }
}
