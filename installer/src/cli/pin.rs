//! `bulla-installer pin PROJECT HASH -m REASON`

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
use crate::operation::RollbackRequest;

/// Keep this server on a release that is or was live here
///
/// A release that is not live becomes live as by `rollback`, without network. Only
/// `bulla-installer release` ends the pin. The last line on stdout is the hash that is live.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project
    project: ProjectName,
    /// The release
    hash: DigestPrefix,
    /// Why, for the history and for `status`
    #[arg(short = 'm', long, value_name = "REASON", value_parser = reason)]
    reason: String,
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
            hash: Some(self.hash),
            by: self.person.name(),
            reason: Some(self.reason),
            pin: true,
            hooks: self.hooks.settings(&config),
            config,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            now: clock::now(),
        };
        go_back(host.server(), &request)
    }
}
