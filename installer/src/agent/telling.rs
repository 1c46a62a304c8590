//! What the agent tells others: the registries, Prometheus, systemd and its log.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bulla_schemas::ProjectName;
use bulla_schemas::units::count;

use super::report::Heard;
use super::voice::{About, Level, Message, Topic};
use super::{Agent, metrics};
use crate::observer::{Notes, with_hint};
use crate::operation::{ProjectStatus, status};
use crate::state::synced;

impl Agent {
    /// Reports, and says where that is news why no registry took it. Tells whether one did.
    pub(super) fn report(&mut self) -> bool {
        let reported = self.tell();
        match &reported {
            Heard::Yes => {}
            Heard::Partly { left_out } => {
                let problem = format!(
                    "the registry leaves {left_out} out of the reports of this server: its token is \
                     not for that; `bulla-registry token create --scope pull,report --host HOST` \
                     makes one for all projects"
                );
                self.say(None, Level::Warning, &problem);
            }
            Heard::Again => self.say(None, Level::Done, "reports are taken again"),
            Heard::No { problem, is_news } => {
                if *is_news {
                    let problem = format!("no registry takes reports of this server: {problem}");
                    self.say(None, Level::Warning, &problem);
                }
            }
        }
        self.schedule.was_reported(Instant::now());
        !matches!(reported, Heard::No { .. })
    }

    /// Looks once how this server is, for the file for Prometheus and for the registries.
    fn tell(&mut self) -> Heard {
        let orders = Arc::clone(&self.orders);
        if orders.config.metrics.is_none() && !orders.has_token() {
            return Heard::Yes;
        }
        let now = self.voice.now();
        let found =
            status(&orders.server, &orders.config, None, now).map_err(|error| with_hint(&error));
        if let Some(path) = &orders.config.metrics {
            self.measure(path, &found);
        }
        if !orders.has_token() {
            return Heard::Yes;
        }
        let interval = orders.config.poll();
        self.reporter
            .report(&orders, &self.known, found, (interval, now))
    }

    /// Writes the file for Prometheus.
    fn measure(&mut self, path: &Path, found: &Result<Vec<ProjectStatus>, String>) {
        let written = found.as_ref().map_err(Clone::clone).and_then(|found| {
            let synced_at = synced::read(&self.orders.server);
            metrics::write(path, found, self.known.size(), synced_at)
                .map_err(|error| with_hint(&error))
        });
        let problem = written.err();
        // The same at every report would hide what else is said.
        if let Some(problem) = problem.as_ref().filter(|_| problem != self.unmeasured) {
            let problem = format!("the file for Prometheus was not written: {problem}");
            self.say(None, Level::Warning, &problem);
        }
        self.unmeasured = problem;
    }

    /// Says what is wrong with registries that were passed over when the log was read.
    pub(super) fn say_of_registries(&mut self, heard: &Notes) {
        for sentence in heard.taken() {
            if self.passed_over.is_news(&sentence, Instant::now()) {
                self.say(None, Level::Warning, &sentence);
            }
        }
        self.passed_over.end();
    }

    /// One line for `systemctl status`.
    pub(super) fn status(&self) -> String {
        let running: Vec<&str> = self.running.iter().map(ProjectName::as_str).collect();
        match (running.as_slice(), &self.unread) {
            ([], None) => format!(
                "{}, log of {}",
                count(self.schedule.len() as u64, "project", "projects"),
                count(self.known.size(), "entry", "entries")
            ),
            ([], Some(problem)) => format!("the log was not read: {problem}"),
            (running, _) => format!("working on {}", running.join(", ")),
        }
    }

    pub(super) fn say(&self, project: Option<&ProjectName>, level: Level, sentence: &str) {
        self.tell_of(Topic::Agent, level, project.map(About::project), sentence);
    }

    pub(super) fn tell_of(
        &self,
        topic: Topic,
        level: Level,
        about: Option<About<'_>>,
        sentence: &str,
    ) {
        self.voice.say(&Message {
            topic,
            level,
            about,
            sentence,
        });
    }
}
