//! `bulla approve`: the second look at what somebody proposed, and the second signature.

use std::path::PathBuf;

use bulla_registry_client::Client;
use bulla_schemas::DigestPrefix;
use bulla_schemas::report::{ApprovedReport, ProposalReport};
use bulla_schemas::statement::{Action, PromotionStatement};
use bulla_terminal::{Failure, stderr, stdout};
use bulla_trust::{LogState, Statement};
use clap::Args;

use super::moving::{ask, require_answer, say_pause};
use super::session::Session;
use super::{environment, preview, promote as promoting, proposed, waiting, wave as waves};
use crate::drop::Loss;
use crate::pending::{self, Pending};
use crate::policy;
use crate::promote;
use crate::proposal::Proposal;
use crate::propose::{self, Sent, Task};
use crate::rollback;
use crate::ssh::PersonalKey;
use crate::wave;

/// Sign what somebody else proposed
///
/// Shows what it changes, as who proposed it saw it, and asks. It is checked against your own verified
/// log, whatever the registry says: nothing of it can be changed without the signatures failing. Once enough
/// people have signed, it takes effect.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct ApproveArguments {
    /// What `bulla pending` lists it as
    #[arg(value_name = "ID")]
    id: DigestPrefix,
    /// The public half of your SSH key; the agent or the file beside it signs
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// A git checkout whose history tells whether the release contains what is live; Subversion
    /// needs none
    #[arg(long, value_name = "DIR", default_value = ".")]
    checkout: PathBuf,
    /// Approve it although revisions that are live are not in the release, or may not be
    #[arg(long)]
    drop: bool,
    /// Approve a rollback although the registry does not have the release any more
    #[arg(long)]
    despite_missing: bool,
    /// Approve further waves although the release failed on servers, or they cannot be asked about
    #[arg(long)]
    despite_failures: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only show what it changes, and sign nothing
    #[arg(long)]
    dry_run: bool,
    /// Show it as JSON
    #[arg(long)]
    json: bool,
}

/// What an approver has to say yes to besides the question itself.
enum Question {
    /// Whether what is live may go.
    Loss(Box<Proposal>, Loss),
    /// Nothing.
    Plain,
}

pub(super) async fn run(session: &Session, arguments: &ApproveArguments) -> Result<(), Failure> {
    let client = session.client()?;
    require_answer(arguments.yes || arguments.dry_run, "approving")?;
    let named = arguments.ssh_key.as_deref();
    let key = session.signing_key(&client, named, arguments.dry_run, "approving")?;
    let mut log = session.log(&client).await?;
    let found = pending::find::by_id(&client, log.state(), &arguments.id).await?;
    let task = propose::task(log.state(), &found, key.as_ref())?;
    let mut report = ApprovedReport {
        proposal: found.report(),
        change: None,
        gone: Vec::new(),
        come: Vec::new(),
        entry: None,
    };
    match task {
        Task::Done { entry } => {
            stderr::say(format_args!("it is entry {entry} of the log already"));
            report.entry = Some(entry);
            return print(&report, arguments.json);
        }
        Task::Wait => {
            stderr::say("you signed it already");
            proposed::say(&found);
            return print(&report, arguments.json);
        }
        Task::Sign | Task::Append => {}
    }
    say(&found, &report);
    let state = log.state();
    let question = look(&client, state, &found, key.as_ref(), arguments, &mut report).await?;
    let Some(key) = key else {
        return print(&report, arguments.json);
    };
    require_meant(question, task, arguments)?;
    let key = (task == Task::Sign).then_some(&key);
    match propose::approve(&client, &mut log, &found, key).await? {
        Sent::Done(entry) => {
            stderr::say(format_args!(
                "{} is in effect, entry {entry} of the log",
                report.proposal.what
            ));
            waiting::say(&log);
            report.entry = Some(entry);
        }
        Sent::Waiting(pending) => {
            stderr::say("signed");
            proposed::say(&pending);
            report.proposal = pending.report();
        }
    }
    print(&report, arguments.json)
}

/// Says what it is and who is for it, before what it changes.
fn say(found: &Pending, report: &ApprovedReport) {
    let proposal = &report.proposal;
    let by = proposal.proposed_by.as_ref();
    let by = by.map_or_else(String::new, |name| format!(" by {name}"));
    stderr::say(format_args!(
        "{}: {}, proposed{by} on {}",
        found.id.short(),
        proposal.what,
        proposal.proposed_at
    ));
    if let Some(reason) = &proposal.reason {
        stderr::say(format_args!("  why: {reason}"));
    }
    for approval in &proposal.approvals {
        let how_far = proposed::how_far(approval);
        match proposal.approvals.len() {
            1 => stderr::say(format_args!("  {how_far}")),
            _ => stderr::words("  ", format_args!("{}: {how_far}", approval.what)),
        }
    }
}

/// Finds out and says what it changes.
async fn look(
    client: &Client,
    state: &LogState,
    found: &Pending,
    key: Option<&PersonalKey>,
    arguments: &ApproveArguments,
    report: &mut ApprovedReport,
) -> Result<Question, Failure> {
    match found.statement() {
        Statement::Policy(next) => {
            (report.gone, report.come) = policy::difference(policy::in_effect(state)?, next);
            if let Some(words) = policy::root_change(policy::in_effect(state)?, next) {
                stderr::words("  ", words);
            }
            super::policy::say(next, &report.gone, &report.come);
            proposed::say_voided(client, state, next, Some(found)).await;
            Ok(Question::Plain)
        }
        Statement::Promotion(promotion) => {
            let (change, question) = look_at(client, state, promotion, key, arguments).await?;
            report.change = change;
            Ok(question)
        }
        Statement::Release(_) | Statement::Revocation(_) => Ok(Question::Plain),
    }
}

async fn look_at(
    client: &Client,
    state: &LogState,
    promotion: &PromotionStatement,
    key: Option<&PersonalKey>,
    arguments: &ApproveArguments,
) -> Result<(Option<ProposalReport>, Question), Failure> {
    let proposal = proposal(promotion);
    let Proposal {
        project,
        channel,
        hash,
        ..
    } = &proposal;
    let head = state.head(project, channel);
    match promotion.predicate.action {
        Action::Pause => Ok((None, Question::Plain)),
        Action::Widen => {
            look_at_waves(client, state, &proposal, arguments).await?;
            Ok((None, Question::Plain))
        }
        Action::Rollback if head.is_some_and(|head| head.hash == *hash) => {
            promote::check(state, &proposal, key)?;
            promote::require_bundle(client, state, &proposal).await?;
            head.into_iter().for_each(say_pause);
            stderr::say("  it goes on there");
            Ok((None, Question::Plain))
        }
        Action::Rollback => {
            let missing = arguments.despite_missing;
            let prepared = Box::pin(rollback::prepare(client, state, &proposal, key, missing));
            let mut report = prepared.await?.report(&proposal);
            rollback::ask_servers(client, state, &proposal, &mut report).await;
            preview::say(&report, "takes out");
            head.filter(|head| head.is_paused())
                .into_iter()
                .for_each(say_pause);
            Ok((Some(report), Question::Plain))
        }
        Action::Promote => {
            let checkout = &arguments.checkout;
            let prepared = Box::pin(promote::prepare(client, state, &proposal, key, checkout));
            let prepared = prepared.await?;
            let mut report = prepared.report(&proposal);
            if proposal.waves.is_some() {
                // What servers say helps to decide, and is not needed.
                let deployments = client.deployments(project).await;
                report.servers = wave::servers(&deployments.unwrap_or_default(), channel);
            }
            preview::say(&report, "would take out");
            head.filter(|head| head.is_paused())
                .into_iter()
                .for_each(say_pause);
            let question = Question::Loss(Box::new(proposal), prepared.loss);
            Ok((Some(report), question))
        }
    }
}

async fn look_at_waves(
    client: &Client,
    state: &LogState,
    proposal: &Proposal,
    arguments: &ApproveArguments,
) -> Result<(), Failure> {
    let found = wave::find(state, &proposal.project, Some(&proposal.channel))?;
    let deployments = match client.deployments(&proposal.project).await {
        Err(_) if arguments.despite_failures => Vec::new(),
        deployments => deployments?,
    };
    let before = found.report(&deployments, environment::now());
    stderr::say(waves::headline(&before));
    before.steps.iter().for_each(waves::say_step);
    if !arguments.despite_failures {
        wave::require_healthy(&before)?;
    }
    waves::say_reasons(&before);
    Ok(())
}

/// What was proposed, as who proposed it wanted it.
fn proposal(promotion: &PromotionStatement) -> Proposal {
    let predicate = &promotion.predicate;
    Proposal {
        project: predicate.project.clone(),
        channel: predicate.channel.clone(),
        hash: promotion.subject[0].digest.sha256,
        reason: predicate.reason.clone(),
        issued_at: predicate.issued_at,
        waves: predicate.waves,
        urgent: predicate.urgent,
    }
}

fn require_meant(
    question: Question,
    task: Task,
    arguments: &ApproveArguments,
) -> Result<(), Failure> {
    let doing = match task {
        Task::Append => "Have it take effect",
        _ => "Sign it",
    };
    match question {
        Question::Loss(proposal, loss) => {
            promoting::require_meant(loss, &proposal, (arguments.drop, arguments.yes), doing)
        }
        Question::Plain if arguments.yes => Ok(()),
        Question::Plain => ask(&format!("{doing}?")),
    }
}

fn print(report: &ApprovedReport, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(stdout::json(report)?);
    }
    Ok(stdout::line(report.proposal.id)?)
}
