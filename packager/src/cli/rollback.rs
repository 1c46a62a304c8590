//! `bulla rollback`: back to an earlier head, or a list of what one can go back to.

use std::path::PathBuf;

use bulla_registry_client::Client;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, Name, ProjectName, Timestamp};
use bulla_trust::LogState;
use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::moving::{ask, can_ask, reason, say_standing, sign_and_append};
use super::preview::Shown;
use super::session::Session;
use super::{environment, output};
use crate::proposal::Proposal;
use crate::{promote, resolve, rollback};

/// Point a channel back to one of its earlier heads
///
/// Signed like a promotion, and shown and asked about like one. Without --to it goes to the newest
/// earlier head that was neither rolled back nor revoked; going back twice goes back two releases.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct RollbackArguments {
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// The earlier head to go back to
    #[arg(long, value_name = "HASH", conflicts_with = "list")]
    to: Option<DigestPrefix>,
    /// Why
    #[arg(long, short = 'm', value_name = "TEXT", value_parser = reason, conflicts_with = "list")]
    reason: Option<String>,
    /// The public half of your SSH key; the agent or the file beside it signs
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only show what would change, and sign nothing
    #[arg(long, conflicts_with = "list")]
    dry_run: bool,
    /// List the earlier heads, and change nothing
    #[arg(long)]
    list: bool,
    /// Show what changes, or the list, as JSON
    #[arg(long)]
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
    let channel = &arguments.channel;
    if arguments.list {
        let log = session.log(&client).await?;
        let project = session.project()?;
        resolve::head(log.state(), &project, channel)?;
        let candidates = candidates(&client, log.state(), &project, channel).await?;
        return print(&candidates, arguments.json);
    }
    let key = match &arguments.reason {
        _ if arguments.dry_run => None,
        None => {
            return Err(Failure::usage("a rollback needs a reason").with_hint(format!(
                "give -m TEXT, or look first with `bulla rollback {channel} --dry-run` or --list"
            )));
        }
        Some(_) => {
            Session::require_token(&client, "rolling back")?;
            Some(session.personal_key(arguments.ssh_key.as_deref())?)
        }
    };
    let log = session.log(&client).await?;
    let state = log.state();
    let project = session.project()?;
    let proposal = Proposal {
        hash: rollback::target(state, &project, channel, arguments.to.as_ref())?,
        project,
        channel: channel.clone(),
        reason: arguments.reason.clone().unwrap_or_default(),
        issued_at: environment::now(),
    };
    if let Some(head) = promote::standing(state, &proposal) {
        say_standing(head);
        return if arguments.json {
            output::json(&Shown::standing(&proposal, head))
        } else {
            output::line(head.hash)
        };
    }
    let prepared = rollback::prepare(&client, state, &proposal, key.as_ref()).await?;
    let mut shown = Shown::new(&proposal, &prepared);
    shown.say("takes out");
    if let Some(key) = key {
        if can_ask() && !arguments.yes {
            ask("Roll back?")?;
        }
        let head = sign_and_append(&client, log, &key, &proposal).await?;
        if !arguments.json {
            return output::line(head.hash);
        }
        shown.promoted(&head);
    }
    if arguments.json {
        output::json(&shown)?;
    }
    Ok(())
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
