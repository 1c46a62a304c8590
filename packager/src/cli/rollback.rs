//! `bulla rollback`: back to an earlier head, or a list of what one can go back to.

use std::path::PathBuf;

use bulla_registry_client::Client;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, Name, ProjectName, Timestamp};
use bulla_trust::LogState;
use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::promote::{reason, roll_back};
use super::session::Session;
use super::{environment, output};
use crate::promote::Wish;
use crate::{resolve, rollback};

/// Points a channel back to one of its earlier heads.
///
/// Signed like a promotion. Without --to it goes to the head before the present one; going back
/// twice goes back two releases. Without -m it changes nothing and lists what one can go back to.
#[derive(Debug, Args)]
pub(super) struct RollbackArguments {
    /// The channel.
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// The earlier head to go back to.
    #[arg(long, value_name = "HASH", requires = "reason")]
    to: Option<DigestPrefix>,
    /// Why.
    #[arg(long, short = 'm', value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// The public half of your SSH key; the agent or the file beside it signs.
    #[arg(long, value_name = "KEY.pub", requires = "reason")]
    ssh_key: Option<PathBuf>,
    /// Lists as JSON.
    #[arg(long, conflicts_with = "reason")]
    json: bool,
}

/// An earlier head, as `--json` lists it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    hash: Digest,
    entry: u64,
    people: Vec<Name>,
    reason: String,
    issued_at: Timestamp,
    /// Whether the registry still has the bundle. A server may have it on its disk.
    in_registry: bool,
    /// Whether a rollback without --to goes there.
    default: bool,
}

pub(super) async fn run(session: &Session, arguments: &RollbackArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let project = session.project()?;
    let channel = &arguments.channel;
    resolve::head(log.state(), &project, channel)?;
    let Some(reason) = &arguments.reason else {
        let candidates = candidates(&client, log.state(), &project, channel).await?;
        return print(&candidates, arguments.json);
    };
    Session::require_token(&client, "rolling back")?;
    let key = session.personal_key(arguments.ssh_key.as_deref())?;
    let hash = match &arguments.to {
        Some(prefix) => earlier_head(log.state(), &project, channel, prefix)?,
        None => match rollback::head_before(log.state(), &project, channel) {
            Some(hash) => hash,
            None => return Err(nothing_before(&client, log.state(), &project, channel).await?),
        },
    };
    let wish = Wish {
        project,
        channel: channel.clone(),
        hash,
        reason: reason.clone(),
        issued_at: environment::now(),
    };
    roll_back(&client, log, &key, &wish).await
}

async fn candidates(
    client: &Client,
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Result<Vec<Candidate>, Failure> {
    let before = rollback::head_before(state, project, channel);
    let mut candidates = Vec::new();
    for promotion in rollback::candidates(state, project, channel) {
        candidates.push(Candidate {
            hash: promotion.hash,
            entry: promotion.entry,
            people: promotion.people.clone(),
            reason: promotion.reason.clone(),
            issued_at: promotion.issued_at,
            in_registry: client.manifest_exists(project, &promotion.hash).await?,
            default: before == Some(promotion.hash),
        });
    }
    Ok(candidates)
}

fn print(candidates: &[Candidate], json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&candidates);
    }
    if candidates.is_empty() {
        output::say("there is no earlier head to go back to");
        return Ok(());
    }
    let mut table = output::table(&["", "HASH", "REGISTRY", "SINCE", "BY", "WHY"]);
    for candidate in candidates {
        table.add_row([
            if candidate.default { "*" } else { "" }.to_owned(),
            candidate.hash.short(),
            if candidate.in_registry { "yes" } else { "no" }.to_owned(),
            candidate.issued_at.to_string(),
            output::names(&candidate.people),
            output::text(&candidate.reason),
        ]);
    }
    output::print_table(&mut table, &[5])
}

/// There is no head before this one; names what there is.
async fn nothing_before(
    client: &Client,
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Result<Failure, Failure> {
    let failure = Failure::new(
        FailureKind::Refused,
        format_args!("`{channel}` of {project} pointed to nothing before its present head"),
    );
    let candidates = candidates(client, state, project, channel).await?;
    if candidates.is_empty() {
        return Ok(failure.with_hint("promote another release"));
    }
    print(&candidates, false)?;
    Ok(failure.with_hint("choose one of the listed with --to HASH"))
}

fn earlier_head(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    prefix: &DigestPrefix,
) -> Result<Digest, Failure> {
    let (_, hash) = resolve::find(state, Some(project), prefix)?;
    if state.was_head(project, channel, &hash) {
        return Ok(hash);
    }
    Err(Failure::new(
        FailureKind::Refused,
        format_args!("`{channel}` of {project} never pointed to {hash}"),
    )
    .with_hint(format!(
        "`bulla promote {} {channel}` would point it there for the first time",
        hash.short()
    )))
}
