//! `bulla-installer follow PROJECT --channel CHANNEL` and `bulla-installer unfollow PROJECT`

use std::process::ExitCode;

use bulla_schemas::{ChannelName, ProjectName};
use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::clock;
use super::host::Host;
use super::terminal::Terminal;

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
    /// Keep this program up to date by the project: its releases carry `bin/bulla-installer`
    #[arg(long)]
    installer: bool,
}

/// Follow a project no longer
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
        } = self;
        let (file, server) = (host.file_to_change()?, host.server());
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
        }
        Ok(ExitCode::SUCCESS)
    }
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
