//! `bulla-installer release PROJECT`

use std::process::ExitCode;

use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::host::Host;
use super::subject::SubjectArguments;
use super::terminal::Terminal;
use crate::operation::release;

/// End the hold or the pin of a project
///
/// What is live stays live; the next `install` brings what the channel points to.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: SubjectArguments,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let server = host.server();
        let request = self.subject.request(host);
        let project = &request.project;
        match release(server, &request, &Terminal::new("release", server))? {
            Some(hold) => stderr::say(format_args!(
                "{project}: no longer held on {}",
                hold.hash.short()
            )),
            None => stderr::say(format_args!("{project}: was not held")),
        }
        Ok(ExitCode::SUCCESS)
    }
}
