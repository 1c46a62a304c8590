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
use super::registries::access;
use super::token::TokenArguments;
use crate::agent::{self, Level, Orders, Voice};
use crate::fetch::{FetchError, FollowedLog};
use crate::operation::Installed;
use crate::site::Server;
use crate::state::with_causes;

/// Keep every followed project at its channel
///
/// Waits for the registries to say that something was promoted, and installs it as `install` does:
/// same checks, same lock. `follow` and the host file say what is followed; SIGHUP has the host
/// file read again, SIGTERM ends the agent once nothing is half done. Under systemd, it says when
/// it is ready and feeds the watchdog while it gets on.
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
    pub(super) fn run(self, host: &Host, arguments: &HostArguments) -> Result<ExitCode, Failure> {
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
        });
        if self.once {
            let worst = agent::run_once(orders, &voice);
            return Ok(worst.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_status())));
        }
        agent::run(orders, &voice, self.socket.as_deref())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn orders(host: &Host, token: TokenArguments) -> Result<Orders, Failure> {
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

/// Speaks on stderr, which systemd keeps.
struct Speaker {
    /// What commands in messages are about.
    server: Server,
    arguments: HostArguments,
    token: TokenArguments,
}

impl Voice for Speaker {
    fn say(&self, project: Option<&ProjectName>, level: Level, sentence: &str) {
        let sentence = self.server.complete(sentence);
        let sentence = match project {
            Some(project) => format!("{project}: {sentence}"),
            None => sentence,
        };
        match level {
            Level::Done => stderr::say(sentence),
            Level::Warning => stderr::warn(sentence),
            Level::Error => stderr::say(format_args!("error: {sentence}")),
        }
    }

    fn installed(&self, project: &ProjectName, channel: &ChannelName, installed: &Installed) {
        stderr::say(sentence::did(project, channel, installed));
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
