//! `bulla-installer enroll URL ANCHOR`

use std::path::PathBuf;
use std::process::ExitCode;

use bulla_schemas::log::Anchor;
use bulla_terminal::{Failure, stderr};
use clap::Args;
use url::Url;

use super::token::TokenArguments;
use super::{clock, done};
use crate::operation::enroll;
use crate::site::Server;

/// Follow the log of a registry from an anchor
///
/// The anchor is the line that `bulla anchor` prints. It is no secret, but it has to come to this
/// server by a way that you trust: everything else is checked against it.
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
        let log = enroll(
            server,
            self.url.clone(),
            self.anchor,
            self.from.as_deref(),
            self.token.read()?,
            clock::now(),
        )?;
        stderr::say(format_args!(
            "follows `{}` at {}, log size {}",
            log.origin().unwrap_or_default(),
            self.url,
            log.size()
        ));
        done(())
    }
}
