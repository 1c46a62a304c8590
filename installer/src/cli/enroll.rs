//! `bulla-installer enroll URL ANCHOR`

use std::path::PathBuf;
use std::process::ExitCode;

use bulla_schemas::log::Anchor;
use bulla_terminal::{Failure, stderr};
use clap::Args;
use url::Url;

use super::clock;
use super::token::TokenArguments;
use crate::operation::{EnrollRequest, enroll};
use crate::site::Server;

/// Follow the log of a registry from an anchor
///
/// The anchor is the line that `bulla anchor` prints. It is no secret, but it has to come to this
/// server by a way that you trust: everything else is checked against it.
///
/// A server that is enrolled moves to another URL with the same command, if the log there is the
/// same and passes through what this server has verified. The path given with --token-file is
/// remembered for `install`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The registry's address
    url: Url,
    /// What `bulla anchor` prints: `origin+size+root`
    anchor: Anchor,
    /// Take the log from this bundle file instead of the registry: no network is used
    #[arg(long, value_name = "FILE.bulla")]
    from: Option<PathBuf>,
    #[command(flatten)]
    token: TokenArguments,
}

impl Arguments {
    pub(super) fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        let token_file = self.token.file()?;
        let request = EnrollRequest {
            url: self.url.clone(),
            anchor: self.anchor,
            file: self.from,
            token: self.token.read(|| None)?,
            token_file,
            on_silence: |sentence| stderr::say(sentence),
            now: clock::now(),
        };
        let log = enroll(server, request)?;
        stderr::say(format_args!(
            "follows `{}` at {}, log size {}",
            log.origin().unwrap_or_default(),
            self.url,
            log.size()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
