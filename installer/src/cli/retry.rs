//! `bulla-installer retry PROJECT [HASH]`

use std::process::ExitCode;

use bulla_schemas::{DigestPrefix, ProjectName};
use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::hooks::HookArguments;
use super::host::Host;
use super::person::PersonArguments;
use super::terminal::Terminal;
use crate::operation::retry;

/// Let the next `install` try releases again that failed on this server
///
/// A release that failed here is refused until it is promoted anew. This takes that back, and
/// installs nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project
    project: ProjectName,
    /// The release; without it all that failed here
    hash: Option<DigestPrefix>,
    #[command(flatten)]
    person: PersonArguments,
    #[command(flatten)]
    hooks: HookArguments,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let server = host.server();
        let settings = self.hooks.settings(&host.project(&self.project));
        let request = self.person.about(self.project, settings);
        let terminal = Terminal::new("retry", server);
        let removed = retry(server, &request, self.hash.as_ref(), &terminal)?;
        let project = &request.project;
        for failed in &removed {
            stderr::say(format_args!(
                "{project}: {} may be installed again",
                failed.hash.short()
            ));
        }
        if removed.is_empty() {
            stderr::say(format_args!("{project}: no release failed here"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
