//! `bulla-installer self-check`

use std::process::ExitCode;

use bulla_terminal::{Failure, stdout};
use clap::Args;

use super::clock;
use super::host::Host;
use super::registries::access;
use super::token::TokenArguments;
use crate::fetch::FollowedLog;
use crate::fetch::supply::Source;
use crate::operation::program::version;
use crate::operation::status;

/// Look whether this program could be the agent of this server
///
/// Reads the host file, the log, the state and every project, and asks a registry; changes nothing.
/// Before the agent becomes the program of a new release, it runs this command of it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    token: TokenArguments,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let log = FollowedLog::open(host.server(), host.config())?;
        status(host.server(), host.config(), None, clock::now())?;
        let mut failure = None;
        for access in access(&log, host, self.token)? {
            let supply = access.supply()?;
            let Source::Registry(client) = supply.source() else {
                continue;
            };
            match supply.wait(client.caller()) {
                Ok(_) => {
                    stdout::line(format_args!("{} could be the agent here", version()))?;
                    return Ok(ExitCode::SUCCESS);
                }
                Err(error) => failure = Some(Failure::from(error)),
            }
        }
        Err(failure.unwrap_or_else(|| Failure::usage("no registry is named")))
    }
}
