//! When a server may make its channel's head live: its wave, which the promotion and its own clock
//! let go; its windows; and what servers of earlier waves report.
//!
//! The log alone lets a wave go. What the registry says of other servers can only stop one: whose
//! time comes by the clock, or which people let go before that failure. A widening by people, which
//! is in the log, ends that.

mod course;
mod others;
mod way_back;
mod when;

use bulla_schemas::{Digest, Timestamp};
use bulla_trust::{Head, LogState};

use self::course::Course;
use self::when::{Circumstances, when};
use super::hold::is_held;
use crate::config::ProjectConfig;
use crate::fetch::supply::Supply;
use crate::observer::Observer;
use crate::site::Site;
use crate::state::StateError;
use crate::state::history::History;
use crate::state::rollout::{self, Remembered};

pub(crate) use self::way_back::WayBack;
pub(crate) use self::when::When;

/// A head that is not live on this server.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    site: &'a Site,
    config: &'a ProjectConfig,
    head: &'a Head,
    log: &'a LogState,
    history: &'a History,
    course: Course,
}

impl<'a> Arrival<'a> {
    pub(crate) fn new(
        site: &'a Site,
        config: &'a ProjectConfig,
        (log, history): (&'a LogState, &'a History),
        head: &'a Head,
    ) -> Self {
        Self {
            site,
            config,
            head,
            log,
            history,
            course: Course::of(head, log, history),
        }
    }

    /// Says when the server may make it live, by what it knows without asking anybody.
    pub(crate) fn known(&self, now: Timestamp) -> When {
        self.remembering(self.remembered().as_ref(), now)
    }

    /// Returns what the server waits for that nobody has to be asked about. Of a promotion that it
    /// does not remember yet, only a pause: when it first knew it is written down by an install.
    pub(crate) fn waits(&self, now: Timestamp) -> Option<When> {
        let remembered = self.remembered();
        if remembered.is_none() && !self.head.is_paused() {
            return None;
        }
        // The registry may be away once the time has come: it is asked at each look before.
        if self.listens() {
            return None;
        }
        match self.remembering(remembered.as_ref(), now) {
            When::Now => None,
            when => Some(when),
        }
    }

    /// Tells whether servers of earlier waves can stop this one.
    fn listens(&self) -> bool {
        !self.head.is_paused() && self.course.can_be_stopped(self.config.wave())
    }

    /// Says it after the registries were asked about other servers, one after the other until one
    /// answers, where they matter, and remembers what counts later: a failure that is known stands until its server says otherwise.
    pub(crate) fn asked(
        &self,
        supplies: &[&Supply],
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<When, StateError> {
        let before = rollout::read(self.site, self.head.entry)?;
        let remembered = before.clone();
        let mut remembered = remembered.unwrap_or(Remembered::new(self.head.entry, now));
        if self.listens() {
            match others::ask(supplies, &self.head.project) {
                Some(answer) => {
                    remembered.unasked_since = None;
                    let known = std::mem::take(&mut remembered.failures);
                    remembered.failures =
                        others::failures(&answer, self.head, self.config.wave(), known);
                }
                None => remembered.unasked_since = remembered.unasked_since.or(Some(now)),
            }
        }
        let when = self.remembering(Some(&remembered), now);
        if when == When::Now && remembered.unasked_since.is_some() {
            observer.note(
                "the registries could not be asked how the servers of earlier waves are; the log and \
                 what they said before count",
            );
        }
        // A server that goes at once has nothing to remember.
        let counts = before.is_some() || when != When::Now || !remembered.failures.is_empty();
        if counts && before.as_ref() != Some(&remembered) {
            rollout::write(self.site, &remembered)?;
        }
        Ok(when)
    }

    /// Says where the server goes while it waits, because people took back what is live on it. A
    /// channel that is paused moves nobody, and neither does one that a person here holds against.
    pub(crate) fn way_back(&self, live: Option<Digest>, now: Timestamp) -> Option<WayBack> {
        let Head {
            project, channel, ..
        } = self.head;
        let left = live.filter(|_| !self.head.is_paused())?;
        let to = self.log.way_back(project, channel, &left)?;
        let is_the_head = to.entry == self.head.entry;
        if is_the_head || is_held(self.site, self.config.hold, to.entry) {
            return None;
        }
        let as_head = Arrival {
            site: self.site,
            config: self.config,
            head: &to,
            log: self.log,
            history: self.history,
            course: Course::back(&to, self.log, self.history),
        };
        let obstacle = way_back::obstacle(self.site, self.log, &to)
            .or_else(|| Some(as_head.known(now).waiting()?.reason));
        Some(WayBack { to, left, obstacle })
    }

    /// Returns what is remembered of the promotion. What cannot be read is nothing.
    fn remembered(&self) -> Option<Remembered> {
        rollout::read(self.site, self.head.entry).ok().flatten()
    }

    fn remembering(&self, remembered: Option<&Remembered>, now: Timestamp) -> When {
        let new = Remembered::new(self.head.entry, now);
        when(&Circumstances {
            head: self.head,
            course: self.course,
            wave: self.config.wave(),
            windows: &self.config.windows(),
            now,
            remembered: remembered.unwrap_or(&new),
        })
    }
}
