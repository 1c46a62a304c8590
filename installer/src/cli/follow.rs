//! `bulla-installer follow PROJECT --channel CHANNEL` and `bulla-installer unfollow PROJECT`

use std::process::ExitCode;

use bulla_schemas::line::few;
use bulla_schemas::{ChannelName, ProjectName};
use bulla_terminal::{Failure, stderr};
use bulla_trust::LogState;
use clap::Args;

use super::clock;
use super::host::Host;
use super::registries::supplies;
use super::terminal::Terminal;
use super::token::TokenArguments;
use crate::observer::{with_causes, with_hint};
use crate::operation::{ResolveError, program, sync_from};

/// Follow a channel of a project
///
/// Writes it into the host file. `install` without a project then brings this project to the
/// channel, with all others that are followed.
#[derive(Debug, Args)]
pub(super) struct Follow {
    /// The project
    project: ProjectName,
    /// The channel
    #[arg(long)]
    channel: ChannelName,
    /// Keep this program up to date from the project, whose releases carry `bin/bulla-installer`
    #[arg(long)]
    installer: bool,
    /// Follow a channel to which nothing was promoted yet, although the project has others
    #[arg(long)]
    unpromoted: bool,
    #[command(flatten)]
    token: TokenArguments,
}

/// Stop following a project
///
/// Takes the channel out of the host file. What is live stays live, and other settings of the project
/// stay in the file.
#[derive(Debug, Args)]
pub(super) struct Unfollow {
    /// The project
    project: ProjectName,
}

impl Follow {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let Self {
            project,
            channel,
            installer,
            unpromoted,
            token,
        } = self;
        let (file, server) = (host.file_to_change()?, host.server());
        if host.project(&project).channel.as_ref() != Some(&channel)
            && let Some(log) = read_log(host, token)
        {
            look_for(&log, &project, &channel, unpromoted)?;
        }
        let terminal = Terminal::new("follow", server);
        let before = file
            .lock(server, "follow", clock::now(), &terminal)?
            .follow(&project, &channel, installer)?;
        let path = file.path().display();
        let is_new = installer && before.installer.as_ref() != Some(&project);
        stderr::say(match before.project(&project).channel {
            Some(before) if before == channel && !is_new => {
                format!("unchanged: `{path}` follows {project} {channel}")
            }
            Some(before) if before != channel => {
                format!("changed: `{path}` follows {project} {channel} instead of {before}")
            }
            _ => format!("changed: `{path}` follows {project} {channel}"),
        });
        if is_new {
            stderr::say(format_args!(
                "{project} carries this program from now on: the agent runs it once it has proved \
                 that it works here"
            ));
            let site = server.site(&project);
            // A person says that what is live already is to be tried.
            if let Err(error) = program::let_try(server, &site, |_| true) {
                stderr::warn(with_hint(&error));
            }
            if let Some(why) = program::untried(server, &site) {
                stderr::warn(format_args!("{project}: {}", server.complete(&why)));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns what the log says, where this server follows one that can be read now. A server may be set
/// up without a network, and before it is enrolled.
fn read_log(host: &Host, token: TokenArguments) -> Option<LogState> {
    let server = host.server();
    let mut log = host.log("follow").ok()?;
    log.state().origin()?;
    let terminal = Terminal::new("read the log", server);
    let read = supplies(&log, host, token).and_then(|supplies| {
        Ok(sync_from(
            server,
            &mut log,
            &supplies,
            clock::now(),
            &terminal,
        )?)
    });
    terminal.finish();
    if let Err(failure) = read {
        let problem = with_causes(failure.error());
        stderr::warn(format_args!(
            "whether the channel is there was not looked up: {problem}"
        ));
        return None;
    }
    Some(log.state().clone())
}

/// Refuses a channel that the log does not know of a project that it knows: it is mistyped more often
/// than it is to come. A new project may well come later, and is only named.
fn look_for(
    log: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    unpromoted: bool,
) -> Result<(), Failure> {
    let channels: Vec<_> = log
        .channels(project)
        .map(|head| head.channel.as_str())
        .collect();
    if channels.is_empty() {
        stderr::warn(format_args!(
            "nothing of `{project}` was ever promoted{}",
            others(log)
        ));
        return Ok(());
    }
    if unpromoted || log.head(project, channel).is_some() {
        return Ok(());
    }
    let error = ResolveError::NoHead {
        project: project.clone(),
        channel: channel.clone(),
        known: Vec::new(),
    };
    Err(Failure::from(error).with_hint(format!(
        "its channels are: {}; `--unpromoted` follows this one anyway",
        channels.join(", ")
    )))
}

/// Names the projects that a person may have meant.
fn others(log: &LogState) -> String {
    const MOST: usize = 20;
    let promoted = |project: &&ProjectName| log.channels(project).next().is_some();
    let projects: Vec<_> = log.projects().filter(promoted).collect();
    if projects.is_empty() {
        return String::new();
    }
    format!("; what was: {}", few(projects, MOST, ", ", " and"))
}

impl Unfollow {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let project = self.project;
        let (file, server) = (host.file_to_change()?, host.server());
        let terminal = Terminal::new("unfollow", server);
        let before = file
            .lock(server, "unfollow", clock::now(), &terminal)?
            .unfollow(&project)?;
        let path = file.path().display();
        stderr::say(match before {
            Some(before) => {
                format!("changed: `{path}` does not follow {project} {before} any more")
            }
            None => format!("unchanged: `{path}` does not follow {project}"),
        });
        Ok(ExitCode::SUCCESS)
    }
}
