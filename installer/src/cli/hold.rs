//! `bulla-installer hold PROJECT -m REASON`

use std::process::ExitCode;

use bulla_terminal::{Failure, stderr, stdout};
use clap::Args;

use super::host::Host;
use super::person::reason;
use super::subject::SubjectArguments;
use super::terminal::Terminal;
use crate::operation::hold;
use crate::site::Command;

/// Keep this server on the release that is live
///
/// `install` leaves a project that is held as it is, says so, and ends with 0. Only
/// `bulla-installer release` ends the hold. The last line on stdout is the hash that is live.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// Why, for `status`
    #[arg(short = 'm', long, value_name = "REASON", value_parser = reason)]
    reason: String,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let server = host.server();
        let request = self.subject.request(host);
        let held = hold(
            server,
            &request,
            &self.reason,
            &Terminal::new("hold", server),
        )?;
        let release = Command::new(format!("release {}", request.project));
        stderr::say(server.complete(&format!(
            "{}: held on {} until {release}",
            request.project,
            held.hash.short()
        )));
        stdout::line(held.hash)?;
        Ok(ExitCode::SUCCESS)
    }
}
