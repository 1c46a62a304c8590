//! `bulla rollback`: back to an earlier head, or a list of what one can go back to.

use std::path::PathBuf;
use std::time::Duration;

use bulla_registry_client::Client;
use bulla_schemas::api::Promotion;
use bulla_schemas::report::EarlierHead;
use bulla_schemas::statement::Action;
use bulla_schemas::{ChannelName, ProjectName};
use bulla_terminal::{Failure, Table, stderr, stdout};
use bulla_trust::LogState;
use clap::Args;

use super::changes::names;
use super::moving::{
    ask, is_done, is_proposed, move_channel, print as print_one, reason, require_answer, say_pause,
};
use super::session::Session;
use super::{environment, preview, proposed};
use crate::promote;
use crate::proposal::Proposal;
use crate::resolve::{self, ReleaseName};
use crate::rollback::{self, Candidate};

/// Point a channel back to one of its earlier heads
///
/// Signed like a promotion, and shown and asked about like one. Without --to it goes to the newest
/// earlier head that was neither rolled back nor revoked and that the registry still has; going back
/// twice goes back two releases.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct RollbackArguments {
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// The earlier head to go back to
    #[arg(long, value_name = "RELEASE", conflicts_with = "list")]
    to: Option<ReleaseName>,
    /// Why
    #[arg(long, short = 'm', value_name = "TEXT", value_parser = reason, conflicts_with = "list")]
    reason: Option<String>,
    /// The public half of your SSH key; the agent or the file beside it signs
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// Where several people sign: how long it waits for them, such as `2d`; 7 days where nothing is said
    #[arg(long, value_name = "TIME", value_parser = proposed::expiry, conflicts_with = "list")]
    expires: Option<Duration>,
    /// Have servers wait for their maintenance windows; a rollback does not by itself
    #[arg(long, conflicts_with = "list")]
    in_windows: bool,
    /// Go back although the registry does not have the release any more: only servers that still have
    /// it on their disk can
    #[arg(long, conflicts_with = "list")]
    despite_missing: bool,
    /// Do not ask; needed where there is no terminal
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

pub(super) async fn run(session: &Session, arguments: &RollbackArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let channel = &arguments.channel;
    if arguments.list {
        let log = session.log(&client).await?;
        let project = session.project()?;
        resolve::head(log.state(), &project, channel)?;
        let heads = earlier_heads(&client, log.state(), &project, channel).await?;
        return print(&heads, arguments.json);
    }
    let key = match &arguments.reason {
        _ if arguments.dry_run => None,
        None => {
            return Err(Failure::usage("a rollback needs a reason").with_hint(format!(
                "give -m TEXT, or look first with `bulla rollback {channel} --dry-run` or --list"
            )));
        }
        Some(_) => {
            require_answer(arguments.yes, "rolling back")?;
            Session::require_token(&client, "rolling back")?;
            Some(session.personal_key(arguments.ssh_key.as_deref())?)
        }
    };
    let log = session.log(&client).await?;
    let state = log.state();
    let project = session.project()?;
    let (named, despite_missing) = (arguments.to.as_ref(), arguments.despite_missing);
    let target =
        rollback::find_target(&client, state, &project, channel, named, despite_missing).await?;
    let proposal = Proposal {
        hash: target.hash,
        project,
        channel: channel.clone(),
        reason: arguments.reason.clone().unwrap_or_default(),
        issued_at: environment::now(),
        waves: None,
        urgent: arguments.in_windows.then_some(false),
    };
    if is_done(state, &proposal, arguments.json)? {
        return Ok(());
    }
    let prepared = Box::pin(rollback::prepare(
        &client,
        state,
        &proposal,
        key.as_ref(),
        despite_missing,
    ))
    .await?;
    let mut report = prepared.report(&proposal);
    report.passed_over = target.passed_over;
    rollback::ask_servers(&client, state, &proposal, &mut report).await;
    preview::say(&report, "takes out");
    let head = state.head(&proposal.project, channel);
    if let Some(paused) = head.filter(|head| head.is_paused()) {
        say_pause(paused);
    }
    let Some(key) = key else {
        if arguments.json {
            stdout::json(&report)?;
        }
        return Ok(());
    };
    let draft = promote::draft(state, &proposal);
    if is_proposed(&client, state, &key, &draft, &mut report).await? {
        return print_one(&report, arguments.json);
    }
    if !arguments.yes {
        ask("Roll back?")?;
    }
    let how = (arguments.expires, arguments.json);
    move_channel(&client, log, &key, &proposal, report, how).await
}

async fn earlier_heads(
    client: &Client,
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Result<Vec<EarlierHead>, Failure> {
    let mut heads = Vec::new();
    for Candidate { promotion, left } in rollback::candidates(state, project, channel) {
        let missing = client.find_missing(project, &promotion.hash).await?;
        heads.push(EarlierHead {
            promotion: promotion.into(),
            left: left.into(),
            in_registry: missing.is_none(),
            default: false,
        });
    }
    let before = rollback::heads_before(state, project, channel);
    let default = before.iter().find_map(|hash| {
        let head = heads.iter().position(|head| head.promotion.hash == *hash)?;
        heads[head].in_registry.then_some(head)
    });
    if let Some(head) = default {
        heads[head].default = true;
    }
    Ok(heads)
}

/// Says why a channel left a release: what is wrong with it, or what came after it.
fn why_left(left: &Promotion) -> String {
    let (hash, reason) = (left.hash.short(), &left.reason);
    match left.action {
        Action::Rollback => format!("rolled back to {hash}: {reason}"),
        _ => format!("followed by {hash}: {reason}"),
    }
}

fn print(heads: &[EarlierHead], json: bool) -> Result<(), Failure> {
    if json {
        return Ok(stdout::json(&heads)?);
    }
    if heads.is_empty() {
        stderr::say("there is no earlier head to go back to");
        return Ok(());
    }
    let header = ["NEXT", "HASH", "REGISTRY", "LEFT", "BY", "WHY"];
    let mut table = Table::new(&header).wrap(&["WHY"]);
    for EarlierHead {
        promotion,
        left,
        in_registry,
        default,
    } in heads
    {
        table.row([
            if *default { "*" } else { "" }.to_owned(),
            promotion.hash.short(),
            if *in_registry { "yes" } else { "no" }.to_owned(),
            left.issued_at.to_string(),
            names(&left.people),
            why_left(left),
        ]);
    }
    Ok(table.print()?)
}
