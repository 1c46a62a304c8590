//! `bulla status`: where every channel stands, since when, and by whom.

use std::fmt::Write as _;

use bulla_schemas::api::{ProjectSummary, Promotion};
use bulla_schemas::release::short_revision;
use bulla_schemas::statement::{Action, Severity};
use bulla_schemas::{ChannelName, ProjectName};
use bulla_terminal::{Failure, Table, stderr, stdout};
use bulla_trust::{LogState, Release};
use clap::Args;

use super::changes::names;
use super::session::Session;
use super::waiting;
use crate::resolve;

/// Show where every channel of every project stands, since when, and by whom
///
/// Read from the verified log; --project shows one project only. Servers say with
/// `bulla-installer status` what is live on them.
#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// Only this channel
    #[arg(value_name = "CHANNEL")]
    channel: Option<ChannelName>,
    /// List as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &StatusArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let state = log.state();
    let (project, channel) = (session.named_project(), arguments.channel.as_ref());
    match (project, channel) {
        (Some(project), Some(channel)) => resolve::known_channel(state, project, channel)?,
        (Some(project), None) => resolve::known_project(state, project)?,
        (None, Some(channel)) => resolve::known_channel_of_any(state, channel)?,
        (None, None) => {}
    }
    let projects: Vec<&ProjectName> = match project {
        Some(project) => vec![project],
        None => state.projects().collect(),
    };
    let mut summaries: Vec<ProjectSummary> = projects
        .into_iter()
        .map(|project| state.project_summary(project))
        .collect();
    if let Some(channel) = channel {
        for summary in &mut summaries {
            summary.channels.retain(|head| head.channel == *channel);
        }
        summaries.retain(|summary| !summary.channels.is_empty());
    }
    waiting::say(&log);
    if arguments.json {
        return Ok(stdout::json(&summaries)?);
    }
    let mut table = Table::new(&["PROJECT", "CHANNEL", "HASH", "REVISION", "SINCE", "BY"]);
    for summary in &summaries {
        for head in &summary.channels {
            table.row(row(state, &summary.project, head));
        }
    }
    if table.is_empty() {
        stderr::say("no channel points to a release yet");
        return Ok(());
    }
    Ok(table.print()?)
}

fn row(state: &LogState, project: &ProjectName, head: &Promotion) -> [String; 6] {
    let release = state.release(project, &head.hash).map(Release::record);
    let mut by = names(&head.people);
    if head.action == Action::Pause {
        by.push_str(" (paused)");
    }
    if let Some(waves) = head.waves {
        let open = head.up_to.unwrap_or_default();
        let _ = write!(by, " (waves: {waves}, open up to {open})");
    }
    if state.revocation(project, &head.hash) == Some(Severity::Block) {
        by.push_str(" (revoked since)");
    }
    [
        project.to_string(),
        head.channel.to_string(),
        head.hash.short(),
        release.map_or_else(String::new, |release| short_revision(&release.revision)),
        head.issued_at.to_string(),
        by,
    ]
}
