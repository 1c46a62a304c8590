//! The agent: keeps every followed project at its channel, without anybody logged in.
//!
//! ```text
//! listener    the registries' word that the log has grown, signals        one thread
//! agent       reads the log, decides what is to be done, reports          one thread
//! worker      brings one project to its channel, as `install` does        one thread a project
//! ```
//!
//! It converges on state and never on events: an event only says when to look. What is wanted is
//! the verified log, what is there is the disk, and all that the agent remembers between two looks
//! is when to look again. Whatever it does is a command too, under the same lock.

mod event;
mod listener;
mod metrics;
mod notify;
mod orders;
mod pulse;
mod report;
mod running;
mod said;
mod schedule;
mod socket;
mod telling;
#[cfg(test)]
mod tests;
mod trace;
mod voice;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use bulla_registry_client::LogDirectory;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::{ProjectName, Timestamp};
use bulla_trust::LogState;

use self::event::Event;
use self::listener::Listener;
use self::notify::Notifier;
use self::pulse::Pulse;
use self::report::Reporter;
use self::running::{Look, Running};
use self::said::Said;
use self::schedule::Schedule;
use self::socket::Socket;
use self::trace::Trace;
use self::worker::{Brought, Job, Need};
use crate::fetch::{FetchError, FollowedLog, save};
use crate::observer::{Notes, with_causes, with_hint};
use crate::operation::program::Launched;
use crate::operation::{Outcome, Waiting, follow_newest};
use crate::state::unread;

pub use self::listener::ListenError;
pub use self::orders::Orders;
pub use self::socket::AskError;
pub(crate) use self::socket::{Question, SOCKET, ask};
pub use self::voice::{About, Level, Message, Topic, Voice};

/// How long the agent waits at most before it looks around.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How many projects are brought to their channels at once.
const MOST_WORKERS: usize = 4;

/// Why the agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// Another program is to be the agent.
    Replaced,
}

/// Runs until it is told to end, or another program is to be the agent. Answers at `socket`
/// meanwhile, where that can be made. `launched` says which program this is.
pub fn run(
    orders: Orders,
    voice: &Arc<dyn Voice>,
    socket: Option<&Path>,
    launched: Launched,
) -> Result<End, ListenError> {
    let (sender, events) = mpsc::channel();
    let listener = Listener::start(&orders, sender.clone())?;
    let mut agent = Agent::new(orders, voice, sender, listener, launched);
    agent.notifier = Notifier::start(agent.pulse.clone());
    let listen = |path| Socket::listen(path, Arc::clone(voice));
    match socket.map(listen).transpose() {
        Ok(socket) => agent.socket = socket,
        Err(error) => {
            let problem = format!("the agent's socket cannot be made: {}", with_hint(&error));
            agent.say(None, Level::Warning, &problem);
        }
    }
    agent.answer();
    Ok(agent.run(&events))
}

/// Brings every followed project to its channel once, and reports. Returns the gravest failure.
pub fn run_once(orders: Orders, voice: &Arc<dyn Voice>, launched: Launched) -> Option<FailureKind> {
    let (sender, events) = mpsc::channel();
    Agent::new(orders, voice, sender, Listener::none(), launched).once(&events)
}

struct Agent {
    orders: Arc<Orders>,
    voice: Arc<dyn Voice>,
    sender: Sender<Event>,
    listener: Listener,
    /// Which program this is.
    program: Running,
    pulse: Pulse,
    notifier: Notifier,
    socket: Option<Socket>,
    schedule: Schedule,
    reporter: Reporter,
    /// The log, as far as it is verified.
    known: Arc<LogState>,
    /// Why the log could not be read the last time.
    unread: Option<String>,
    /// Why the file for Prometheus could not be written the last time.
    unmeasured: Option<String>,
    running: BTreeSet<ProjectName>,
    /// What was said of registries that were passed over.
    passed_over: Said,
    /// What projects wait for, as it was said.
    waiting: BTreeMap<ProjectName, String>,
    /// What was said of projects that are being worked on again and again.
    said: BTreeMap<ProjectName, Said>,
    /// How the projects were left.
    left: BTreeMap<ProjectName, Trace>,
}

impl Agent {
    /// An agent that has done nothing yet, and tells nobody how it is.
    fn new(
        orders: Orders,
        voice: &Arc<dyn Voice>,
        sender: Sender<Event>,
        listener: Listener,
        launched: Launched,
    ) -> Self {
        Self {
            program: Running::new(launched),
            schedule: orders.schedule(Instant::now()),
            orders: Arc::new(orders),
            voice: Arc::clone(voice),
            sender,
            listener,
            pulse: Pulse::default(),
            notifier: Notifier::none(),
            socket: None,
            reporter: Reporter::default(),
            known: Arc::new(LogState::default()),
            unread: None,
            unmeasured: None,
            running: BTreeSet::new(),
            passed_over: Said::default(),
            waiting: BTreeMap::new(),
            said: BTreeMap::new(),
            left: BTreeMap::new(),
        }
    }

    fn run(mut self, events: &Receiver<Event>) -> End {
        let beat = self.pulse.begin();
        self.say(None, Level::Done, &self.orders.sentence());
        self.notifier.ready();
        let mut end = None;
        loop {
            beat.beat();
            let now = Instant::now();
            if end.is_none() {
                match self.program.look(&self.orders) {
                    Look::Replaced => end = Some(End::Replaced),
                    Look::Stays { why: Some(why) } => self.say(None, Level::Warning, &why),
                    Look::Stays { why: None } => {}
                }
            }
            if end.is_none() {
                if self.orders.is_outdated() {
                    self.reload();
                }
                self.look_for_people(now);
                let read = self.schedule.is_log_due(now).then(|| self.read_log());
                self.start_workers(now);
                if let Some(unread) = read {
                    self.prove(unread);
                }
                if self.schedule.is_report_due(now) && self.running.is_empty() {
                    // Tried again with the next one.
                    self.report();
                }
            }
            self.notifier.status(&self.status());
            let idle = self.schedule.idle(Instant::now(), &self.running);
            match events.recv_timeout(idle.min(LONGEST_WAIT)) {
                Ok(Event::Grown) => self.schedule.log_has_grown(Instant::now()),
                Ok(Event::Brought(brought)) => {
                    self.end_worker(*brought);
                }
                Ok(Event::Reload) => self.reload(),
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    self.notifier.stopping();
                    end = Some(End::Stopped);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            // What is under way is seen to its end: it is short, and half of it would have to be
            // undone.
            if let Some(end) = end.filter(|_| self.running.is_empty()) {
                return end;
            }
        }
    }

    fn once(&mut self, events: &Receiver<Event>) -> Option<FailureKind> {
        let unread = self.read_log();
        let mut failures: Vec<FailureKind> = unread.into_iter().collect();
        let mut waiting = self.schedule.projects();
        while !waiting.is_empty() || !self.running.is_empty() {
            while self.running.len() < MOST_WORKERS
                && let Some(project) = waiting.pop_first()
            {
                self.start_worker(&project);
            }
            // Nothing else sends, so this waits for a worker.
            if !self.running.is_empty()
                && let Ok(Event::Brought(brought)) = events.recv()
            {
                failures.extend(self.end_worker(*brought));
            }
        }
        self.prove(unread);
        if !self.report() {
            failures.push(FailureKind::Failed);
        }
        FailureKind::gravest(failures)
    }

    /// The log was read, or could not be, and the projects were looked at: that is what a program
    /// that is tried has to show.
    fn prove(&mut self, unread: Option<FailureKind>) {
        match self.program.prove(&self.orders, unread) {
            Ok(None) => {}
            Ok(Some(release)) => {
                let sentence = format!("the program of {} is the agent now", release.short());
                self.say(None, Level::Done, &sentence);
            }
            Err(error) => {
                let problem = format!(
                    "that this program works could not be written down: {}",
                    with_hint(&error)
                );
                self.say(None, Level::Warning, &problem);
            }
        }
    }

    /// Takes in what the log has grown by, from all registries: the newest log that is valid counts.
    fn read_log(&mut self) -> Option<FailureKind> {
        let now = self.voice.now();
        let heard = Notes::default();
        let (state, error) = match self.sync(&heard, now) {
            Ok((state, synced)) => (Some(state), synced.err()),
            Err(error) => (None, Some(error)),
        };
        if let Some(state) = state.filter(|state| state.size() != self.known.size()) {
            let moved = self.orders.moved(&self.known, &state);
            self.known = Arc::new(state);
            self.schedule.have_moved(&moved, Instant::now());
        }
        self.say_of_registries(&heard);
        self.listener.tell(self.known.size());
        self.schedule.log_was_read(error.is_none(), Instant::now());
        if let Some(error) = error.as_ref().filter(|error| error.is_of_registry()) {
            unread::note(&self.orders.server, now, with_causes(error));
        }
        let problem = error.as_ref().map(with_hint);
        // The same every minute would hide what else is said.
        if problem != self.unread {
            match &problem {
                Some(problem) => self.say(
                    None,
                    Level::Warning,
                    &format!("the log was not read: {problem}"),
                ),
                None => self.say(None, Level::Done, "the log is read again"),
            }
            self.unread = problem;
        }
        error.map(|error| error.kind())
    }

    /// Returns what is known of the log, and why no more of it.
    fn sync(
        &self,
        heard: &Notes,
        now: Timestamp,
    ) -> Result<(LogState, Result<(), FetchError>), FetchError> {
        let server = &self.orders.server;
        let directory = LogDirectory::from(&server.log()).read_by("agent");
        let mut log = FollowedLog::open_in(directory, server, &self.orders.config)?;
        let supplies = self.orders.supplies()?;
        let synced = match follow_newest(server, &mut log, &supplies, now, heard) {
            Ok(unsaved) => Ok(save(unsaved)?),
            Err(error) => Err(error),
        };
        Ok((log.state().clone(), synced))
    }

    /// Looks again at once at what a person has done something with: `retry`, `release`, a rollback.
    fn look_for_people(&mut self, now: Instant) {
        for project in self.schedule.projects() {
            if self.running.contains(&project) {
                continue;
            }
            let trace = Trace::of(&self.orders.server.site(&project));
            let before = self.left.insert(project.clone(), trace.clone());
            if before.is_some_and(|before| before != trace) {
                self.schedule.was_changed(&project, now);
                self.schedule.report_is_due(now);
            }
        }
    }

    fn start_workers(&mut self, now: Instant) {
        while self.running.len() < MOST_WORKERS
            && let Some(project) = self.schedule.take_due(now, &self.running)
        {
            self.start_worker(&project);
        }
    }

    /// Brings a project to its channel, unless it is there.
    fn start_worker(&mut self, project: &ProjectName) {
        let job = match Job::needed(&self.orders, &self.known, project, self.voice.now()) {
            Need::Work(job) => job,
            Need::Waits(waiting) => {
                self.waits(project, &waiting);
                return;
            }
            Need::Nothing => {
                self.schedule.is_settled(project);
                self.said.remove(project);
                // A person may have brought it there.
                if self.reporter.succeeded(project) || self.waiting.remove(project).is_some() {
                    self.schedule.report_is_due(Instant::now());
                }
                return;
            }
        };
        self.running.insert(project.clone());
        let (voice, sender, beat) = (
            Arc::clone(&self.voice),
            self.sender.clone(),
            self.pulse.begin(),
        );
        let said = self.said.remove(project).unwrap_or_default();
        let begun = std::thread::Builder::new().spawn(move || {
            let brought = job.run(&*voice, &beat, said);
            // An agent that is gone need not be told.
            let _ = sender.send(Event::Brought(Box::new(brought)));
        });
        if let Err(error) = begun {
            self.running.remove(project);
            self.schedule.failed(project, Instant::now());
            let problem = format!("no worker could be started: {error}");
            self.say(Some(project), Level::Error, &problem);
        }
    }

    fn end_worker(&mut self, brought: Brought) -> Option<FailureKind> {
        let Brought {
            project,
            channel,
            hash,
            entry,
            previous,
            result,
            mut said,
        } = brought;
        self.running.remove(&project);
        let site = self.orders.server.site(&project);
        let trace = Trace::of(&site);
        self.left.insert(project.clone(), trace);
        let failed = match result {
            Ok(installed) => {
                self.reporter.succeeded(&project);
                if let Outcome::Waiting(waiting) = &installed.outcome {
                    self.waits(&project, waiting);
                } else {
                    self.waiting.remove(&project);
                    let is_out = site.drained().exists();
                    if !is_out || installed.outcome != Outcome::AlreadyLive {
                        self.voice.installed(&project, &channel, &installed);
                    }
                    if is_out {
                        // Until the server is back in its load balancer.
                        self.schedule.failed(&project, Instant::now());
                    } else {
                        self.schedule.is_settled(&project);
                        if let Some(waiting) = &installed.meanwhile {
                            self.waits(&project, waiting);
                        }
                    }
                }
                None
            }
            Err(failure) if failure.is_paused => {
                // The next look says what is waited for.
                self.schedule.failed(&project, Instant::now());
                None
            }
            Err(failure) => {
                self.schedule.failed(&project, Instant::now());
                let kind = failure.kind;
                self.reporter
                    .failed((&project, entry), &failure, self.voice.now());
                if said.is_news(&failure.message, Instant::now()) {
                    let about = About {
                        project: &project,
                        channel: Some(&channel),
                        hash: Some(hash),
                        previous,
                    };
                    self.tell_of(Topic::Failed, Level::Error, Some(about), &failure.message);
                }
                Some(kind)
            }
        };
        said.end();
        self.said.insert(project, said);
        self.schedule.report_is_due(Instant::now());
        failed
    }

    /// A project is not brought to its channel yet. That is said once, and not at each look.
    fn waits(&mut self, project: &ProjectName, waiting: &Waiting) {
        // Why an attempt before it failed is no longer what keeps the server from its channel.
        if self.reporter.succeeded(project) {
            self.schedule.report_is_due(Instant::now());
        }
        let now = self.voice.now().as_seconds();
        let left = waiting.until.map(|until| until.as_seconds() - now);
        let left = left.map(|left| Duration::from_secs(left.try_into().unwrap_or(0)));
        // A time that no clock of this machine can hold is no time to look.
        let at = left.and_then(|left| Instant::now().checked_add(left));
        self.schedule.waits(project, at);
        let before = self.waiting.insert(project.clone(), waiting.reason.clone());
        if before.as_ref() != Some(&waiting.reason) {
            let about = Some(About::project(project));
            self.tell_of(Topic::Waiting, Level::Done, about, &waiting.reason);
            self.schedule.report_is_due(Instant::now());
        }
    }

    fn reload(&mut self) {
        self.notifier.reloading();
        let stamp = self.orders.stamp_of_file();
        match self.voice.reload() {
            Ok(mut orders) => {
                orders.read_as_of(stamp);
                match Listener::start(&orders, self.sender.clone()) {
                    Ok(listener) => self.listener = listener,
                    Err(error) => self.say(None, Level::Error, &with_hint(&error)),
                }
                self.schedule = orders.schedule(Instant::now());
                self.orders = Arc::new(orders);
                self.answer();
                self.say(None, Level::Done, "the host file was read again");
            }
            Err(problem) => {
                // Said once, and not at every look.
                Arc::make_mut(&mut self.orders).read_as_of(stamp);
                let problem =
                    format!("the host file was not read again, the one before counts: {problem}");
                self.say(None, Level::Error, &problem);
            }
        }
        self.notifier.ready();
    }

    /// Has the socket answer by the orders of now.
    fn answer(&self) {
        if let Some(socket) = &self.socket {
            socket.tell(&self.orders);
        }
    }
}
