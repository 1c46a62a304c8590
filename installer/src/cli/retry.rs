//! `bulla-installer retry PROJECT [HASH]`

use std::process::ExitCode;

use bulla_schemas::DigestPrefix;
use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::host::Host;
use super::subject::SubjectArguments;
use super::terminal::Terminal;
use crate::operation::{Retried, retry};

/// Let the next `install` retry releases that failed on this server
///
/// A release that failed here is refused until it is promoted again. This takes that back, and
/// installs nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// The release; without it, all that failed here
    hash: Option<DigestPrefix>,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let server = host.server();
        let request = self.subject.request(host);
        let terminal = Terminal::new("retry", server);
        let Retried {
            failed,
            attempt,
            program,
        } = retry(server, &request, self.hash.as_ref(), &terminal)?;
        let project = &request.project;
        for failed in &failed {
            stderr::say(format_args!(
                "{project}: {} may be installed again",
                failed.hash.short()
            ));
        }
        if let Some(attempt) = &attempt {
            stderr::say(format_args!(
                "{project}: {} may be tried again; it could not be made live at {}: {}",
                attempt.hash.short(),
                attempt.failed_at,
                attempt.reason
            ));
        }
        if let Some(program) = program {
            stderr::say(format_args!(
                "{project}: the agent tries the program of {}",
                program.short()
            ));
        } else if failed.is_empty() && attempt.is_none() {
            stderr::say(format_args!("{project}: no release failed here"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
