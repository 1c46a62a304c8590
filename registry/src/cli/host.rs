//! `bulla-registry host`: forgets hosts that are gone, also while the registry runs.

use bulla_schemas::HostName;
use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, stderr};

use super::data::{Data, clock};
use crate::access::hosts::Hosts;

/// Forget hosts that report no more
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Forget a host and all that it reported
    ///
    /// A host that still has its token is known again with its next report: revoke the token first.
    Remove {
        #[command(flatten)]
        data: Data,
        /// The name under which it reported, as `bulla where` shows it
        host: HostName,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    let Command::Remove { data, host } = command;
    let hosts = Hosts::open(data.existing()?, &clock()).await?;
    if hosts.remove(&host).await? {
        stderr::say(format_args!("host {host} is forgotten"));
        Ok(())
    } else {
        let failure = Failure::new(
            FailureKind::Failed,
            format_args!("no host `{host}` has reported here"),
        );
        Err(failure.with_hint("`bulla where` shows the hosts that have"))
    }
}
