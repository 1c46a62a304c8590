//! `bulla-installer agent [--once]`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bulla_schemas::{ChannelName, ProjectName, Timestamp};
use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::clock;
use super::host::{Host, HostArguments, Needed};
use super::install::sentence;
use super::journal::Journal;
use super::registries::access;
use super::token::TokenArguments;
use crate::agent::{self, About, End, Level, Message, Orders, Topic, Voice};
use crate::fetch::{FetchError, FollowedLog};
use crate::observer::with_causes;
use crate::operation::Installed;
use crate::operation::program::Launched;
use crate::site::Server;

/// Keep every followed project at its channel
///
/// Waits for the registries to say that something was promoted, and installs it as `install` does:
/// same checks, same lock. `follow` and the host file say what is followed; SIGHUP has the host
/// file read again, SIGTERM ends the agent once nothing is half done. Under systemd, it says when
/// it is ready and feeds the watchdog while it gets on; what it says then goes to the journal with
/// fields such as `BULLA_PROJECT`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Bring every followed project to its channel once, report, and end
    #[arg(long)]
    once: bool,
    /// Answer members of the group `bulla` here
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    socket: Option<PathBuf>,
    #[command(flatten)]
    token: TokenArguments,
}

impl Arguments {
    /// Runs the program of a release as the agent, or this one where none is given. Tells whether
    /// another program is to go on.
    pub(super) fn run(
        self,
        host: &Host,
        arguments: &HostArguments,
        launched: Launched,
    ) -> Result<Ended, Failure> {
        if self.once {
            // What is not enrolled has nothing to do; an agent that stays waits for that.
            FollowedLog::open(host.server(), host.config())?;
        }
        let orders = orders(host, self.token.clone())?;
        if orders.config.followed().next().is_none() {
            stderr::warn(host.server().complete(
                "the host file follows no project; `bulla-installer follow PROJECT --channel \
                 CHANNEL` writes one into it",
            ));
        }
        let voice: Arc<dyn Voice> = Arc::new(Speaker {
            server: host.server().clone(),
            arguments: arguments.clone(),
            token: self.token,
            journal: Journal::open(),
        });
        if self.once {
            let worst = agent::run_once(orders, &voice, launched);
            let status = worst.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_status()));
            return Ok(Ended::With(status));
        }
        Ok(
            match agent::run(orders, &voice, self.socket.as_deref(), launched)? {
                End::Stopped => Ended::With(ExitCode::SUCCESS),
                End::Replaced => Ended::Replaced,
            },
        )
    }
}

/// How the agent ended.
pub(super) enum Ended {
    With(ExitCode),
    /// Another program is to go on.
    Replaced,
}

fn orders(host: &Host, token: TokenArguments) -> Result<Orders, Failure> {
    say_what_is_wrong(host);
    let file = host.file().map(|file| file.path().to_owned());
    let log = match FollowedLog::open(host.server(), host.config()) {
        // `enroll` and `follow` write the host file, which is looked at again then.
        Err(FetchError::NotEnrolled { .. }) if file.is_some() => {
            let (server, config) = (host.server().clone(), host.config().clone());
            return Ok(Orders::new(file, server, config, Vec::new()));
        }
        opened => opened?,
    };
    if let Some(loss) = log.loss(host.server()) {
        stderr::warn(loss);
    }
    Ok(Orders::new(
        file,
        host.server().clone(),
        host.config().clone(),
        access(&log, host, token)?,
    ))
}

/// Names what the host file names and this machine lacks, or what others could change: better at the
/// start than at the next promotion. It stops only what needs it.
fn say_what_is_wrong(host: &Host) {
    let Some(file) = host.file() else {
        return;
    };
    let path = file.path().display();
    for found in file.check().found() {
        stderr::warn(format_args!("`{path}`, {}", found.in_a_line()));
    }
}

/// Speaks to the journal where systemd connected stderr to that, else on stderr.
struct Speaker {
    /// What commands in messages are about.
    server: Server,
    arguments: HostArguments,
    token: TokenArguments,
    journal: Option<Journal>,
}

impl Voice for Speaker {
    fn say(&self, message: &Message<'_>) {
        let sentence = self.server.complete(message.sentence);
        let sentence = match message.about {
            Some(About { project, .. }) => format!("{project}: {sentence}"),
            None => sentence,
        };
        if let Some(journal) = &self.journal
            && journal.keep(message, &sentence)
        {
            return;
        }
        match message.level {
            Level::Done => stderr::say(sentence),
            Level::Warning => stderr::warn(sentence),
            Level::Error => stderr::say(format_args!("error: {sentence}")),
        }
    }

    fn installed(&self, project: &ProjectName, channel: &ChannelName, installed: &Installed) {
        let sentence = sentence::did(project, channel, installed);
        let message = Message {
            topic: Topic::Installed,
            level: Level::Done,
            about: Some(About {
                project,
                channel: Some(channel),
                hash: Some(installed.hash),
                previous: installed.from,
            }),
            sentence: &sentence,
        };
        let journal = self.journal.as_ref();
        if !journal.is_some_and(|journal| journal.keep(&message, &sentence)) {
            stderr::say(sentence);
        }
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn reload(&self) -> Result<Orders, String> {
        let host = self.arguments.clone().open(Needed::Read);
        let orders = host.and_then(|host| orders(&host, self.token.clone()));
        orders.map_err(|failure| with_causes(failure.error()).replace('\n', "; "))
    }
}
