//! `bulla-installer rollback PROJECT [HASH] -m REASON`

use std::num::NonZeroUsize;
use std::process::ExitCode;

use bulla_schemas::{DigestPrefix, ProjectName};
use bulla_terminal::Failure;
use clap::Args;

use super::clock;
use super::going_back::go_back;
use super::hooks::HookArguments;
use super::host::Host;
use super::person::{PersonArguments, reason};
use crate::live::HookSettings;
use crate::operation::RollbackRequest;

/// Make an earlier release live again, from this disk, without network
///
/// A tree that was changed is repaired from what is on this disk, and the changed one is set aside.
/// The same hooks and health checks run as for an install. Leaves a hold that `status` shows: the
/// server stays there until the channel moves past the release that was left, or until
/// `bulla-installer release`. The last line on stdout is the hash that is live. Databases are not
/// rolled back.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project
    project: ProjectName,
    /// The release to go back to; without it the one before the live one
    hash: Option<DigestPrefix>,
    /// Why, for the history and for `status`
    #[arg(short = 'm', long, value_name = "REASON", value_parser = reason)]
    reason: Option<String>,
    /// Run neither hooks nor health checks
    #[arg(long)]
    no_hooks: bool,
    #[command(flatten)]
    person: PersonArguments,
    #[command(flatten)]
    hooks: HookArguments,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let config = host.project(&self.project);
        let request = RollbackRequest {
            project: self.project,
            hash: self.hash,
            by: self.person.name(),
            reason: self.reason,
            pin: false,
            hooks: HookSettings {
                skip: self.no_hooks,
                ..self.hooks.settings(&config)
            },
            config,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            now: clock::now(),
        };
        go_back(host.server(), &request)
    }
}
