//! `bulla-installer rollback PROJECT [HASH] -m REASON`

use std::num::NonZeroUsize;
use std::process::ExitCode;

use bulla_schemas::{DigestPrefix, ProjectName};
use bulla_terminal::{Failure, stderr, stdout};
use clap::Args;

use super::clock;
use super::failure::report_rollback;
use super::host::Host;
use super::person::PersonArguments;
use super::terminal::Terminal;
use crate::operation::{RollbackRequest, rollback};

/// Make an earlier release live again, from this disk, without network
///
/// A tree that was changed is repaired from what is on this disk, and the changed one is set aside.
/// Leaves a hold that `status` shows until the next `install`. The last line on stdout is the
/// hash that is live. Databases are not rolled back.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project
    project: ProjectName,
    /// The release to go back to; without it the one before the live one
    hash: Option<DigestPrefix>,
    /// Why, for the history and for `status`
    #[arg(short = 'm', long, value_name = "REASON", value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    person: PersonArguments,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let server = host.server();
        let request = RollbackRequest {
            config: host.project(&self.project),
            project: self.project,
            hash: self.hash,
            by: self.person.name(),
            reason: self.reason,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            now: clock::now(),
        };
        let terminal = Terminal::new("repair", server);
        let result = rollback(server, &request, &terminal);
        terminal.finish();
        let rolled_back = match result {
            Ok(rolled_back) => rolled_back,
            Err(error) => return Ok(report_rollback(error, server)),
        };
        let hash = rolled_back.hash.short();
        let held = if rolled_back.is_held {
            ", held until the next install"
        } else {
            ""
        };
        let project = &request.project;
        match rolled_back.left {
            Some(left) if left == rolled_back.hash => {
                stderr::say(format_args!("{project}: {hash} is live already"));
            }
            Some(left) => {
                stderr::say(format_args!("{project}: {} -> {hash}{held}", left.short()));
            }
            None => stderr::say(format_args!("{project}: {hash} is live again{held}")),
        }
        stdout::line(rolled_back.hash)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// An empty reason says nothing to those who read the history.
fn reason(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("a reason must not be empty"),
        text => Ok(text.to_owned()),
    }
}
