//! One project on its way to its channel, under the lock that every command takes.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bulla_bundle::Progress;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{ChannelName, Digest, ProjectName, Timestamp};
use bulla_trust::LogState;

use super::orders::Orders;
use super::pulse::Beat;
use super::said::Said;
use super::voice::{About, Level, Message, Topic, Voice};
use crate::live::{HookSettings, LiveError, Unproved, current};
use crate::observer::{Observer, with_causes, with_hint};
use crate::operation::rollout::Arrival;
use crate::operation::{
    InstallError, InstallRequest, Installed, LockedSite, Opening, ResolveError, Waiting,
    install_known, is_held, program,
};
use crate::site::Site;
use crate::state::history::History;
use crate::tree::releases;

/// What is to be done for a project.
pub(super) struct Job {
    orders: Arc<Orders>,
    log: Arc<LogState>,
    project: ProjectName,
    channel: ChannelName,
    /// The channel's head with its entry of the log, and what is live.
    hash: Digest,
    entry: u64,
    previous: Option<Digest>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) project: ProjectName,
    pub(super) channel: ChannelName,
    pub(super) hash: Digest,
    pub(super) entry: u64,
    pub(super) previous: Option<Digest>,
    pub(super) result: Result<Installed, Failure>,
    /// What was said on the way.
    pub(super) said: Said,
}

/// What is to be done for a project.
pub(super) enum Need {
    /// Nothing: it is where it belongs, or a person keeps it where it is.
    Nothing,
    /// Its wave or window is waited for, or people who paused the channel.
    Waits(Waiting),
    /// It is to be brought to its channel.
    Work(Job),
}

/// Why a project is not where it belongs.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// For the log of this server.
    pub(super) message: String,
    /// For people elsewhere, who know which release is meant and cannot type commands here.
    pub(super) reported: String,
    /// The release that it is about, where that is another one than the channel's head.
    pub(super) of_other: Option<Digest>,
    /// Whether people paused the channel while the worker was about to begin.
    pub(super) is_paused: bool,
}

fn in_report(error: &InstallError) -> String {
    let text = match error {
        InstallError::Live(LiveError::Failed(failed)) => failed.in_short(),
        InstallError::WayBack { source, .. } => format!("{error}: {}", in_report(source)),
        error => with_causes(error),
    };
    text.replace('\n', "; ")
}

impl Job {
    /// Looks whether a project is elsewhere than its channel, no person holds it there and its time
    /// has come, or something was begun with it. Where neither is so, nothing is done: what people
    /// change in a live tree is theirs.
    pub(super) fn needed(
        orders: &Arc<Orders>,
        log: &Arc<LogState>,
        project: &ProjectName,
        now: Timestamp,
    ) -> Need {
        let config = orders.config.project(project);
        let site = orders.server.site(project);
        let Some(channel) = config.channel.clone() else {
            return Need::Nothing;
        };
        let Some(head) = log.head(project, &channel) else {
            return Need::Nothing;
        };
        let live = current::read(&site).ok().flatten();
        let job = Self {
            orders: Arc::clone(orders),
            log: Arc::clone(log),
            project: project.clone(),
            channel,
            hash: head.hash,
            entry: head.entry,
            previous: live,
        };
        let is_given_up =
            config.carries_installer && program::to_give_up(&orders.server, &site).is_some();
        if is_begun(&site) || is_given_up {
            return Need::Work(job);
        }
        let is_there = live == Some(head.hash) && releases::is_on_disk(&site, &head.hash);
        let is_where_it_stays = is_there || is_held(&site, config.hold, head.entry);
        if is_where_it_stays {
            return Need::Nothing;
        }
        // A tree that is gone is made again at any time.
        let is_live = live == Some(head.hash);
        // A history that cannot be read is for the worker to say.
        let history = History::read(&site.history()).unwrap_or_default();
        let arrival = Arrival::new(&site, &config, (log, &history), head);
        let Some(waiting) = arrival.waits(now).and_then(|when| when.waiting()) else {
            return Need::Work(job);
        };
        match arrival.way_back(live, now) {
            _ if is_live => Need::Work(job),
            Some(way_back) if way_back.is_open() => Need::Work(job),
            Some(way_back) => Need::Waits(way_back.add_to(&waiting)),
            None => Need::Waits(waiting),
        }
    }

    /// Does it, and says what has not been `said` before.
    pub(super) fn run(self, voice: &dyn Voice, beat: &Beat, said: Said) -> Brought {
        let observer = Watched {
            project: &self.project,
            voice,
            beat,
            said: Mutex::new(said),
        };
        // A worker that dies must not look like one that is still at work.
        let ended = catch_unwind(AssertUnwindSafe(|| self.install(voice, &observer)));
        let result = match ended {
            Ok(result) => result.map_err(|error| Failure {
                is_paused: matches!(error, InstallError::Resolve(ResolveError::Paused { .. })),
                kind: error.kind(),
                reported: in_report(&error),
                of_other: error.of_other(),
                // One line of a log.
                message: with_hint(&error).replace('\n', "; "),
            }),
            Err(_) => Err(Failure {
                kind: FailureKind::Failed,
                reported: "the agent's worker died".to_owned(),
                of_other: None,
                message: "the worker died; what it said last is above".to_owned(),
                is_paused: false,
            }),
        };
        let said = observer.said.into_inner();
        Brought {
            said: said.unwrap_or_else(PoisonError::into_inner),
            project: self.project,
            channel: self.channel,
            hash: self.hash,
            entry: self.entry,
            previous: self.previous,
            result,
        }
    }

    fn install(
        &self,
        voice: &dyn Voice,
        observer: &dyn Observer,
    ) -> Result<Installed, InstallError> {
        let server = &self.orders.server;
        let now = voice.now();
        let config = self.orders.config.project(&self.project);
        let hooks = HookSettings::of(&config);
        let opening = Opening {
            command: "agent",
            settings: &hooks,
            unproved: Unproved::Prove,
            now,
        };
        let site = LockedSite::open(server, &self.project, opening, observer)?;
        if config.carries_installer {
            program::give_up(&site, server, &hooks, now, observer)?;
        }
        let supplies = self.orders.supplies()?;
        let request = InstallRequest {
            channel: self.channel.clone(),
            hash: None,
            pin_old: false,
            // The host file is the server's own word.
            switch_channel: true,
            over_edits: false,
            release_hold: false,
            at_once: None,
            allow_stale: None,
            hooks: hooks.clone(),
            config,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            now,
        };
        install_known(&site, server, &self.log, &supplies, &request, observer)
    }
}

/// A step that a dead process left is finished by whoever locks the project next, and a server that
/// is out of its load balancer put back.
fn is_begun(site: &Site) -> bool {
    site.journal().exists() || site.drained().exists()
}

/// Says what happens, and that something does.
struct Watched<'a> {
    project: &'a ProjectName,
    voice: &'a dyn Voice,
    beat: &'a Beat,
    said: Mutex<Said>,
}

impl Progress for Watched<'_> {
    fn start(&self, _total_bytes: Option<u64>) {
        self.beat.beat();
    }

    fn advance(&self, _bytes: u64) {
        self.beat.beat();
    }
}

impl Observer for Watched<'_> {
    fn note(&self, sentence: &str) {
        self.beat.beat();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !said.is_news(sentence, Instant::now()) {
            return;
        }
        self.voice.say(&Message {
            topic: Topic::Note,
            level: Level::Warning,
            about: Some(About::project(self.project)),
            sentence,
        });
    }
}
