//! `bulla wave`: how far a promotion in waves has come, and letting further waves go.

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::line::few;
use bulla_schemas::report::{WaveReport, WaveStep};
use bulla_schemas::statement::Wave;
use bulla_schemas::{ChannelName, Timestamp};
use bulla_terminal::{Failure, Table, count, stderr, stdout};
use bulla_trust::Promotion;
use clap::{Args, Subcommand};

use super::environment;
use super::moving::{SigningArguments, ask, is_proposed, require_answer, sign_and_send};
use super::session::Session;
use crate::proposal::Proposal;
use crate::propose::Sent;
use crate::wave::{self, InWaves};

/// Most servers of a kind that are named.
const NAMED: usize = 5;

/// Show how far a promotion in waves has come, or let further waves of servers go
///
/// What may go is read from the verified log; which servers are in a wave, and whether they have the
/// release, wait, are held or silent, or failed, is what they reported.
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
/// Refused when no server that has reported is in a later wave, and after a rollback.
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
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct StepArguments {
    /// The channel; it can be left out where only one has waves
    #[arg(value_name = "CHANNEL")]
    channel: Option<ChannelName>,
    #[command(flatten)]
    signing: SigningArguments,
    /// Go on although the release failed on servers, or they cannot be asked about
    #[arg(long)]
    despite_failures: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only show what would go, and sign nothing
    #[arg(long)]
    dry_run: bool,
    /// Show how the waves stand then as JSON
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
    let header = ["WAVE", "STATE", "SERVERS", "CURRENT", "NOTE"];
    let mut table = Table::new(&header).wrap(&["NOTE"]).narrow();
    for step in &report.steps {
        table.row([
            step.wave.to_string(),
            state(step, report.paused),
            step.servers.to_string(),
            step.current.to_string(),
            others(step),
        ]);
    }
    if table.is_empty() {
        stderr::say("no server has reported about it yet");
        return Ok(());
    }
    table.print()?;
    say_reasons(&report);
    Ok(())
}

pub(super) fn headline(report: &WaveReport) -> String {
    let all = report.steps.iter().map(|step| step.servers).sum::<u64>();
    let current = report.steps.iter().map(|step| step.current).sum::<u64>();
    let current = format!("{current} of {} current", count(all, "server", "servers"));
    let last = report.due_up_to.unwrap_or(report.open);
    let mut waiting = report.steps.iter().filter(|step| !step.may_go);
    let how_far = match (waiting.next(), last.number()) {
        _ if report.paused => "paused".to_owned(),
        _ if report.finished => format!("finished: {current}"),
        (None, _) if !report.steps.is_empty() => format!("all waves may go, {current}"),
        (Some(step), _) if step.wave <= last => {
            let gone = first_to(last);
            format!("{gone} were let go, and wave {} waits", step.wave)
        }
        (_, 1) => "only wave 1 may go".to_owned(),
        _ => format!("{} may go", first_to(last)),
    };
    let came = if report.rolled_back {
        "back since"
    } else {
        "promoted"
    };
    format!(
        "{} {}: {}, {came} {}, waves: {}, {how_far}",
        report.project,
        report.channel,
        report.hash.short(),
        report.promoted_at,
        report.waves,
    )
}

/// Names the waves from the first to another one.
fn first_to(last: Wave) -> String {
    match last.number() {
        2 => "waves 1 and 2".to_owned(),
        last => format!("waves 1 to {last}"),
    }
}

fn state(step: &WaveStep, is_paused: bool) -> String {
    match (step.due, step.stopped_by) {
        _ if is_paused => "waits, because the channel is paused".to_owned(),
        _ if step.may_go => "may go".to_owned(),
        (Some(due), _) => format!("goes at {due}"),
        (None, Some(failed)) => format!("waits, because wave {failed} failed"),
        (None, None) => "waits".to_owned(),
    }
}

/// Names the servers that are not simply current or about to be.
fn others(step: &WaveStep) -> String {
    let failed = step.failed.iter().map(|one| &one.host);
    let waiting = step.waiting.iter().map(|one| &one.host);
    let kinds = [
        ("failed", failed.collect::<Vec<_>>()),
        ("waiting", waiting.collect()),
        ("behind", step.behind.iter().collect()),
        ("held", step.held.iter().collect()),
        ("silent", step.silent.iter().collect()),
    ];
    let kinds = kinds.iter().filter(|(_, hosts)| !hosts.is_empty());
    let kinds: Vec<_> = kinds
        .map(|(kind, hosts)| format!("{kind}: {}", few(hosts, NAMED, ", ", ", and")))
        .collect();
    kinds.join("; ")
}

/// Says in their words why servers have not taken the release.
pub(super) fn say_reasons(report: &WaveReport) {
    for step in &report.steps {
        let wave = step.wave;
        for failed in step.failed.iter().take(NAMED) {
            let (host, reason) = (&failed.host, &failed.reason);
            stderr::say(format_args!("failed on {host} of wave {wave}: {reason}"));
        }
        for waiting in step.waiting.iter().take(NAMED) {
            let (host, reason) = (&waiting.host, &waiting.reason);
            stderr::say(format_args!("{host} of wave {wave}: {reason}"));
        }
    }
}

async fn go(
    session: &Session,
    client: &Client,
    arguments: &StepArguments,
    is_all: bool,
) -> Result<(), Failure> {
    require_answer(arguments.yes || arguments.dry_run, "letting a wave go")?;
    let key = arguments
        .signing
        .key(session, client, arguments.dry_run, "letting a wave go")?;
    let log = session.log(client).await?;
    let project = session.project()?;
    let found = wave::find(log.state(), &project, arguments.channel.as_ref())?;
    let now = environment::now();
    let deployments = match client.deployments(&project).await {
        Err(_) if arguments.despite_failures => Vec::new(),
        deployments => deployments?,
    };
    let next = found.next(&deployments, now)?;
    let up_to = if is_all { Wave::LAST } else { next };
    let before = found.report(&deployments, now);
    stderr::say(headline(&before));
    before.steps.iter().for_each(say_step);
    if !arguments.despite_failures {
        wave::require_healthy(&before)?;
    }
    if !is_all {
        found.require_server(next, &deployments)?;
    }
    say_reasons(&before);
    if wave::is_unproved(&before) {
        stderr::warn("no server reports that it has the release: nothing shows that it works");
    }
    let what = if is_all {
        "all waves".to_owned()
    } else {
        format!("{}wave {up_to}", stopped(&before))
    };
    let channel = &found.head.channel;
    let Some(key) = key else {
        stderr::say(format_args!(
            "{what} of {channel} of {project} would go; nothing was signed"
        ));
        return print(&before, arguments.json);
    };
    let proposal = proposal(&found, arguments, now);
    let draft = wave::draft(log.state(), &key, &proposal, up_to)?;
    if is_proposed(client, log.state(), &key, &draft, &mut proposal.report()).await? {
        return print(&before, arguments.json);
    }
    if !arguments.yes {
        ask(&format!("Let {what} go?"))?;
    }
    let expires = arguments.signing.expires();
    let sent = sign_and_send(client, log, &key, &proposal, &draft, expires).await?;
    let Sent::Done(head) = sent else {
        return print(&before, arguments.json);
    };
    // What the log says now, and the servers.
    let log = session.log(client).await?;
    let found = wave::find(log.state(), &project, Some(channel))?;
    let deployments = client.deployments(&project).await.unwrap_or(deployments);
    let after = WaveReport {
        entry: entry(&log, &found, head.last_seq),
        ..found.report(&deployments, environment::now())
    };
    stderr::say(format_args!(
        "{what} of {channel} of {project} may go, entry {} of the log",
        after.entry.unwrap_or_default()
    ));
    print(&after, arguments.json)
}

/// Names the waves that people let go before a release failed: they go on with the next.
fn stopped(report: &WaveReport) -> String {
    let steps = report.steps.iter();
    let stopped = steps.filter(|step| step.wave <= report.open && step.stopped_by.is_some());
    let stopped: Vec<_> = stopped.map(|step| step.wave.to_string()).collect();
    match stopped.as_slice() {
        [] => String::new(),
        [wave] => format!("wave {wave} again, and "),
        waves => format!("waves {} again, and ", waves.join(", ")),
    }
}

pub(super) fn say_step(step: &WaveStep) {
    let servers = count(step.servers, "server", "servers");
    let others = match others(step).as_str() {
        "" => String::new(),
        others => format!("; {others}"),
    };
    let (wave, state, current) = (step.wave, state(step, false), step.current);
    stderr::say(format_args!(
        "  wave {wave}: {state}, {servers}, {current} current{others}"
    ));
}

fn print(report: &WaveReport, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(stdout::json(report)?);
    }
    Ok(stdout::line(report.hash)?)
}

fn proposal(found: &InWaves, arguments: &StepArguments, now: Timestamp) -> Proposal {
    Proposal {
        project: found.head.project.clone(),
        channel: found.head.channel.clone(),
        hash: found.head.hash,
        reason: arguments.signing.reason(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_waves_are_named_both() {
        let named = [2, 3, 99].map(|last: u64| first_to(last.try_into().unwrap()));
        assert_eq!(named, ["waves 1 and 2", "waves 1 to 3", "waves 1 to 99"]);
    }
}
