//! `bulla releases`: what was released of a project, from which revision, and where it is.

use std::num::NonZeroUsize;

use bulla_schemas::ChannelName;
use bulla_schemas::api::ReleaseSummary;
use bulla_schemas::release::short_revision;
use bulla_schemas::statement::Severity;
use bulla_terminal::{Failure, Table, stderr, stdout};
use clap::Args;

use super::changes::names;
use super::session::Session;
use crate::resolve;

/// List a project's releases, newest first
///
/// Read from the verified log, whether or not the registry still has the bundles.
#[derive(Debug, Args)]
pub(super) struct ReleasesArguments {
    /// Print at most this many
    #[arg(long, value_name = "N", default_value = "20")]
    limit: NonZeroUsize,
    /// List as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &ReleasesArguments) -> Result<(), Failure> {
    let project = session.project()?;
    let client = session.client()?;
    let log = session.log(&client).await?;
    let state = log.state();
    resolve::known_project(state, &project)?;
    let newest = state.releases(&project).rev().take(arguments.limit.get());
    let releases: Vec<_> = newest
        .map(|release| state.release_summary(&project, release))
        .collect();
    if arguments.json {
        return Ok(stdout::json(&releases)?);
    }
    let mut table =
        Table::new(&["HASH", "REVISION", "LABEL", "WHEN", "BY", "CHANNELS"]).wrap(&["CHANNELS"]);
    for release in &releases {
        table.row([
            release.hash.short(),
            short_revision(&release.revision),
            release.label.clone(),
            release.finished_on.to_string(),
            names(&release.built_by),
            place(release),
        ]);
    }
    table.print()?;
    let count = state.release_count(&project);
    if let Some(more @ 1..) = count.checked_sub(releases.len()) {
        stderr::say(format_args!("{more} more; --limit {count} lists all"));
    }
    Ok(())
}

/// Where a release is, and what keeps it from being promoted.
fn place(release: &ReleaseSummary) -> String {
    let mut words: Vec<&str> = release.channels.iter().map(ChannelName::as_str).collect();
    if release.dirty {
        words.push("(uncommitted changes)");
    }
    match release.revoked {
        Some(Severity::Block) => words.push("(revoked)"),
        Some(Severity::Warn) => words.push("(warned about)"),
        None => {}
    }
    words.join(", ")
}
