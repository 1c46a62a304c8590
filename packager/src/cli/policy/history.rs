//! `bulla policy history`: the versions of the policy.

use bulla_schemas::line::list;
use bulla_schemas::report::PolicyVersionReport;
use bulla_terminal::{Failure, stdout};
use clap::Args;

use super::super::session::Session;
use super::super::signers::signer;
use crate::audit;
use crate::policy;

/// Show the versions of the policy: who signed each, and what it changed
///
/// Read from the verified log, oldest first. A policy has no date; what is said of the time is what the
/// signers of the entries around it say.
#[derive(Debug, Args)]
pub(in super::super) struct HistoryArguments {
    /// List as JSON
    #[arg(long)]
    json: bool,
}

pub(in super::super) async fn run(
    session: &Session,
    arguments: &HistoryArguments,
) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    policy::in_effect(log.state())?;
    let versions = audit::versions(&client, log.state()).await?;
    if arguments.json {
        return Ok(stdout::json(&versions)?);
    }
    for version in &versions {
        let said = format!(
            "policy {}, entry {} of the log{}, signed by {}",
            version.version,
            version.entry,
            time(version),
            list(version.signers.iter().map(signer))
        );
        stdout::words("", said)?;
        let removed = version.removed.iter().map(|line| ("  - ", line));
        let added = version.added.iter().map(|line| ("  + ", line));
        for (begin, line) in removed.chain(added) {
            stdout::words(begin, line)?;
        }
    }
    Ok(())
}

fn time(version: &PolicyVersionReport) -> String {
    match (version.after, version.before) {
        (Some(after), Some(before)) => format!(", between {after} and {before}"),
        (Some(after), None) => format!(", after {after}"),
        (None, Some(before)) => format!(", before {before}"),
        (None, None) => String::new(),
    }
}
