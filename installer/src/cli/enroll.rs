//! `bulla-installer enroll URL ANCHOR`

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use bulla_registry_client::registry_url;
use bulla_schemas::log::Anchor;
use bulla_schemas::{Digest, Timestamp};
use bulla_terminal::{Failure, stderr};
use clap::Args;
use url::Url;

use super::clock;
use super::host::Host;
use super::terminal::Terminal;
use super::token::TokenArguments;
use crate::config::{ConfigError, Enrollment, HostFile};
use crate::observer::with_causes;
use crate::operation::{EnrollRequest, enroll};
use crate::site::Server;

/// Follow the log of a registry from an anchor
///
/// The anchor is the line that `bulla anchor` prints. It is no secret, but it has to come to this
/// server by a way that you trust: everything else is checked against it.
///
/// A server that is enrolled moves to another URL with the same command, if the log there is the
/// same and passes through what this server has verified. The path given with --token-file is
/// remembered for `install`. All of it is written into the host file.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The registry's address
    url: String,
    /// What `bulla anchor` prints: `origin+size+root`
    anchor: Anchor,
    /// Take the log from this bundle file instead of the registry: no network is used
    #[arg(long, value_name = "FILE.bulla")]
    from: Option<PathBuf>,
    /// Begin with what somebody has replayed (`bulla log snapshot`), and read only what the log has beyond
    /// that; for logs of millions of entries
    #[arg(
        long,
        value_name = "FILE",
        requires = "snapshot_digest",
        conflicts_with = "from"
    )]
    snapshot: Option<PathBuf>,
    /// What `bulla log snapshot` printed. Whoever chooses it chooses what this server takes the log to say:
    /// it has to come by a way that you trust, as the anchor does
    #[arg(long, value_name = "DIGEST", requires = "snapshot")]
    snapshot_digest: Option<Digest>,
    #[command(flatten)]
    token: TokenArguments,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let server = host.server();
        let url = registry_url(&self.url)?;
        let (now, token_file) = (clock::now(), self.token.file());
        let token = self.token.read(|| said_token(host, &url))?;
        let request = EnrollRequest {
            url: url.clone(),
            anchor: self.anchor.clone(),
            file: self.from,
            snapshot: self.snapshot.zip(self.snapshot_digest),
            said: host.config().anchor.clone(),
            token: token.map(|token| token.secret),
            token_file: token_file.clone(),
            on_wait: |sentence| stderr::say(sentence),
            now,
        };
        let enrolled = enroll(server, request)?;
        if let Some(file) = host.file() {
            let new = Enrollment {
                url: &url,
                moved_from: enrolled.moved_from.as_ref(),
                token_file: token_file.as_deref(),
                anchor: &self.anchor,
            };
            write(file, &new, server, now)?;
        }
        stderr::say(format_args!(
            "follows `{}` at {}, log size {}",
            enrolled.log.origin().unwrap_or_default(),
            url,
            enrolled.log.size()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns the file that the host file names for the token of a registry.
fn said_token(host: &Host, url: &Url) -> Option<PathBuf> {
    let mut registries = host.config().registries.iter();
    let registry = registries.find(|registry| registry.url == *url)?;
    registry.token_file.clone()
}

/// Writes it into the host file. Where the usual one may not be written, the state remembers what is
/// needed.
fn write(
    file: &HostFile,
    new: &Enrollment<'_>,
    server: &Server,
    now: Timestamp,
) -> Result<(), Failure> {
    let terminal = Terminal::new("enroll", server);
    let written = file
        .lock(server, "enroll", now, &terminal)
        .and_then(|file| file.enroll(new));
    match written {
        Err(error) if !file.is_named() && may_not(&error) => {
            stderr::warn(format_args!(
                "the registry is not in the host file: {}",
                with_causes(&error)
            ));
            Ok(())
        }
        written => Ok(written?),
    }
}

fn may_not(error: &ConfigError) -> bool {
    let ConfigError::File(error) = error else {
        return false;
    };
    let kind = error.io_kind();
    matches!(
        kind,
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
    )
}
