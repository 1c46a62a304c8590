//! `bulla promote`: point a channel to a release.

use std::path::PathBuf;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::ChannelName;
use bulla_schemas::statement::Waves;
use bulla_terminal::{Failure, stderr, stdout};
use clap::Args;

use super::moving::{
    SigningArguments, ask, is_done, is_proposed, move_channel, print, require_answer, say_pause,
};
use super::session::Session;
use super::{environment, preview};
use crate::drop::Loss;
use crate::promote;
use crate::proposal::Proposal;
use crate::resolve::ReleaseName;
use crate::rollback;
use crate::ssh::PersonalKey;
use crate::wave;

/// Point a channel to a release; servers that follow the channel install it
///
/// Shows first what would change there, and asks: where there is no terminal, --yes has to answer
/// beforehand. Refuses a release that does not
/// contain the revision that is live, unless you say --drop. You sign with your SSH key. The
/// reason and your name are permanent: the log keeps them.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct PromoteArguments {
    /// A hash, a channel for its head, a revision or a label
    #[arg(value_name = "RELEASE")]
    release: ReleaseName,
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    #[command(flatten)]
    signing: SigningArguments,
    /// A git checkout whose history tells whether the release contains what is live; Subversion
    /// needs none
    #[arg(long, value_name = "DIR", default_value = ".")]
    checkout: PathBuf,
    /// Let one wave of servers go after the other: each so much later than the one before, such as
    /// `10m`, or when you say so with `bulla wave next`. Servers name their wave in their host file
    #[arg(long, value_name = "TIME|manual")]
    waves: Option<Waves>,
    /// Have servers not wait for their maintenance windows
    #[arg(long)]
    urgent: bool,
    /// Where the channel points to the release already: have servers on which it failed try it once
    /// more. Takes two signatures
    #[arg(long)]
    again: bool,
    /// Promote although revisions that are live are not in the release, or may not be
    #[arg(long)]
    drop: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only show what would change, and sign nothing
    #[arg(long)]
    dry_run: bool,
    /// Show what changes as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &PromoteArguments) -> Result<(), Failure> {
    let client = session.client()?;
    require_answer(arguments.yes || arguments.dry_run, "promoting")?;
    let key = arguments
        .signing
        .key(session, &client, arguments.dry_run, "promoting")?;
    let log = session.log(&client).await?;
    let state = log.state();
    let (project, hash) = session.find(state, &arguments.release)?;
    let proposal = Proposal {
        project,
        channel: arguments.channel.clone(),
        hash,
        reason: arguments.signing.reason(),
        issued_at: environment::now(),
        waves: arguments.waves,
        urgent: arguments.urgent.then_some(true),
    };
    if arguments.again && promote::standing(state, &proposal)?.is_some() {
        return again(&client, log, key.as_ref(), proposal, arguments).await;
    }
    if is_done(state, &proposal, arguments.json)? {
        return Ok(());
    }
    let checkout = &arguments.checkout;
    let prepared = Box::pin(promote::prepare(
        &client,
        state,
        &proposal,
        key.as_ref(),
        checkout,
    ))
    .await?;
    let mut report = prepared.report(&proposal);
    if proposal.waves.is_some() {
        // What servers say helps to decide, and is not needed.
        let deployments = client.deployments(&proposal.project).await;
        report.servers = wave::servers(&deployments.unwrap_or_default(), &proposal.channel);
    }
    let head = state.head(&proposal.project, &proposal.channel);
    let goes_on = head.is_some_and(|head| head.hash == proposal.hash);
    let was_head = state.was_head(&proposal.project, &proposal.channel, &proposal.hash);
    if was_head && !goes_on {
        rollback::ask_servers(&client, state, &proposal, &mut report).await;
    }
    preview::say(&report, "would take out");
    if let Some(paused) = head.filter(|head| head.is_paused()) {
        say_pause(paused);
    }
    if goes_on {
        stderr::say("  it goes on there");
    } else if was_head {
        stderr::say(format_args!(
            "  `{}` pointed to it before: this is a rollback, which servers on which it was live take \
             at once and outside of their maintenance windows too, and any other as it was promoted",
            proposal.channel
        ));
    }
    let Some(key) = key else {
        if arguments.json {
            stdout::json(&report)?;
        }
        return Ok(prepared.loss.require_meant(&proposal, arguments.drop)?);
    };
    let draft = promote::draft(state, &proposal);
    if is_proposed(&client, state, &key, &draft, &mut report).await? {
        return print(&report, arguments.json);
    }
    let (loss, json) = (prepared.loss, arguments.json);
    require_meant(
        loss,
        &proposal,
        (arguments.drop, arguments.yes),
        "Promote it",
    )?;
    let expires = arguments.signing.expires();
    move_channel(&client, log, &key, &proposal, report, (expires, json)).await
}

/// Promotes what the channel points to already.
async fn again(
    client: &Client,
    mut log: LogFollower,
    key: Option<&PersonalKey>,
    proposal: Proposal,
    arguments: &PromoteArguments,
) -> Result<(), Failure> {
    // It keeps how it reaches the servers, which was signed with it.
    let proposal = Proposal {
        waves: None,
        urgent: None,
        ..proposal
    };
    let place = format!("{} of {}", proposal.channel, proposal.project);
    let hash = proposal.hash.short();
    stderr::say(format_args!(
        "{place} points to {hash} already; servers on which it failed try it once more"
    ));
    let Some(key) = key else {
        return print(&proposal.report(), arguments.json);
    };
    if !arguments.yes {
        ask("Promote it again?")?;
    }
    let head = promote::again(client, &mut log, key, &proposal).await?;
    let entry = head.entry;
    stderr::say(format_args!(
        "promoted {hash} on {place} again, entry {entry} of the log"
    ));
    print(&proposal.standing(entry), arguments.json)
}

/// Asks, in the words of what is done, unless that was answered beforehand. What is lost for certain is
/// never a matter of a `y`.
pub(super) fn require_meant(
    loss: Loss,
    proposal: &Proposal,
    (drop, yes): (bool, bool),
    doing: &str,
) -> Result<(), Failure> {
    let asks = !yes;
    let is_unknown = matches!(loss, Loss::Unknown { .. });
    loss.require_meant(proposal, drop || (asks && is_unknown))?;
    if asks {
        let though = if is_unknown && !drop {
            ", though it may take out what is live"
        } else {
            ""
        };
        ask(&format!("{doing}{though}?"))?;
    }
    Ok(())
}
