//! `bulla wave`: how far a promotion in waves has come, and letting further waves go.

use std::path::PathBuf;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::ChannelName;
use bulla_schemas::report::{WaveReport, WaveStep};
use bulla_schemas::statement::Wave;
use bulla_terminal::{Failure, Table, prompt, stderr, stdout};
use bulla_trust::Promotion;
use clap::{Args, Subcommand};

use super::environment;
use super::moving::{ask, reason};
use super::session::Session;
use crate::promote;
use crate::proposal::Proposal;
use crate::wave::{self, InWaves};

/// Show how far a promotion in waves has come, or let further waves of servers go
///
/// What may go is read from the verified log; how many servers are in a wave and whether the
/// release works there is what they reported.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct WaveArguments {
    #[command(subcommand)]
    step: Option<Step>,
    /// The channel; it can be left out where only one has waves
    #[arg(value_name = "CHANNEL")]
    channel: Option<ChannelName>,
    /// Show it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Step {
    Next(NextArguments),
    All(AllArguments),
}

/// Let the next wave go, before its time where it has one
///
/// Signed like a promotion. Refused while a server that may have the release reports that it failed
/// there, unless you say --despite-failures.
#[derive(Debug, Args)]
struct NextArguments {
    #[command(flatten)]
    step: StepArguments,
}

/// Let all waves go
///
/// Signed like a promotion. Refused while a server that may have the release reports that it failed
/// there, unless you say --despite-failures.
#[derive(Debug, Args)]
struct AllArguments {
    #[command(flatten)]
    step: StepArguments,
}

#[derive(Debug, Args)]
struct StepArguments {
    /// The channel; it can be left out where only one has waves
    #[arg(value_name = "CHANNEL")]
    channel: Option<ChannelName>,
    /// Why
    #[arg(long, short = 'm', value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// The public half of your SSH key; the agent or the file beside it signs
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// Go on although the release failed on servers, or they cannot be asked about
    #[arg(long)]
    despite_failures: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    /// Show what was done as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &WaveArguments) -> Result<(), Failure> {
    let client = session.client()?;
    match &arguments.step {
        None => show(session, &client, arguments).await,
        Some(Step::Next(next)) => go(session, &client, &next.step, false).await,
        Some(Step::All(all)) => go(session, &client, &all.step, true).await,
    }
}

async fn show(
    session: &Session,
    client: &Client,
    arguments: &WaveArguments,
) -> Result<(), Failure> {
    let log = session.log(client).await?;
    let project = session.project()?;
    let found = wave::find(log.state(), &project, arguments.channel.as_ref())?;
    let deployments = client.deployments(&project).await?;
    let report = found.report(&deployments, environment::now());
    if arguments.json {
        return Ok(stdout::json(&report)?);
    }
    stderr::say(headline(&report));
    let mut table = Table::new(&["WAVE", "STATE", "SERVERS", "CURRENT", "FAILED"]);
    for step in &report.steps {
        let failed: Vec<_> = step.failed.iter().map(|one| one.host.as_str()).collect();
        table.row([
            step.wave.to_string(),
            state(step),
            step.servers.to_string(),
            step.current.to_string(),
            failed.join(", "),
        ]);
    }
    if table.is_empty() {
        stderr::say("no server has reported about it yet");
        return Ok(());
    }
    table.print()?;
    say_failures(&report);
    Ok(())
}

fn headline(report: &WaveReport) -> String {
    format!(
        "{} {}: {}, promoted {}, waves: {}, open up to wave {}",
        report.project,
        report.channel,
        report.hash.short(),
        report.promoted_at,
        report.waves,
        report.open
    )
}

fn state(step: &WaveStep) -> String {
    match step.due {
        _ if step.may_go => "may go".to_owned(),
        Some(due) => format!("goes at {due}"),
        None => "waits".to_owned(),
    }
}

fn say_failures(report: &WaveReport) {
    for step in &report.steps {
        for failed in &step.failed {
            stderr::say(format_args!(
                "failed on {} of wave {}: {}",
                failed.host, step.wave, failed.reason
            ));
        }
    }
}

async fn go(
    session: &Session,
    client: &Client,
    arguments: &StepArguments,
    is_all: bool,
) -> Result<(), Failure> {
    Session::require_token(client, "letting a wave go")?;
    let key = session.personal_key(arguments.ssh_key.as_deref())?;
    let mut log = session.log(client).await?;
    let project = session.project()?;
    let found = wave::find(log.state(), &project, arguments.channel.as_ref())?;
    let now = environment::now();
    let deployments = match client.deployments(&project).await {
        Err(_) if arguments.despite_failures => Vec::new(),
        deployments => deployments?,
    };
    let next = found.next(&deployments, now)?;
    let up_to = if is_all { Wave::LAST } else { next };
    let mut report = found.report(&deployments, now);
    stderr::say(headline(&report));
    for step in &report.steps {
        stderr::say(format_args!(
            "  wave {}: {}, {} servers, {} current, {} failed",
            step.wave,
            state(step),
            step.servers,
            step.current,
            step.failed.len()
        ));
    }
    if !arguments.despite_failures {
        wave::require_healthy(&report)?;
    }
    say_failures(&report);
    if prompt::can_ask() && !arguments.yes {
        ask(&if is_all {
            "Let all waves go?".to_owned()
        } else {
            format!("Let wave {up_to} go?")
        })?;
    }
    let proposal = proposal(&found, arguments, now);
    let envelope = wave::sign(log.state(), &key, &proposal, up_to)?;
    let head = promote::append(client, &mut log, &proposal, &envelope).await?;
    report.open = head.rollout.open;
    report.entry = entry(&log, &found, head.last_seq);
    let place = format!("{} of {}", head.channel, head.project);
    let entry = report.entry.unwrap_or_default();
    stderr::say(if is_all {
        format!("all waves of {place} may go, entry {entry} of the log")
    } else {
        format!("wave {up_to} of {place} may go, entry {entry} of the log")
    });
    if arguments.json {
        return Ok(stdout::json(&report)?);
    }
    Ok(stdout::line(report.hash)?)
}

fn proposal(found: &InWaves, arguments: &StepArguments, now: bulla_schemas::Timestamp) -> Proposal {
    Proposal {
        project: found.head.project.clone(),
        channel: found.head.channel.clone(),
        hash: found.head.hash,
        reason: arguments.reason.clone(),
        issued_at: now,
        waves: None,
        urgent: None,
    }
}

/// The entry of the channel's promotion with this number.
fn entry(log: &LogFollower, found: &InWaves, seq: u64) -> Option<u64> {
    let mut promotions = log.state().promotions(&found.head.project);
    let is_it =
        |promotion: &&Promotion| promotion.channel == found.head.channel && promotion.seq == seq;
    promotions.rfind(is_it).map(|promotion| promotion.entry)
}
