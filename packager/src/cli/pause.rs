//! `bulla pause` and `bulla resume`: servers stay where they are, until people go on.

use bulla_registry_client::LogFollower;
use bulla_schemas::ChannelName;
use bulla_terminal::{Failure, stderr};
use bulla_trust::Head;
use clap::Args;

use super::environment;
use super::moving::{SigningArguments, ask, is_proposed, print, require_answer, sign_and_send};
use super::session::Session;
use crate::promote;
use crate::proposal::Proposal;
use crate::propose::Sent;
use crate::resolve;

/// Have servers stay where they are, until you resume the channel or move it
///
/// Signed like a promotion. Servers that have the head keep it, and others do not take it. A paused
/// channel goes on with `bulla resume`, `bulla promote` or `bulla rollback`.
#[derive(Debug, Args)]
pub(super) struct PauseArguments {
    #[command(flatten)]
    step: StepArguments,
}

/// Let a paused channel go on with the release that it points to
///
/// Signed like a promotion. The head keeps its waves, how far they are open, and whether it is urgent.
#[derive(Debug, Args)]
pub(super) struct ResumeArguments {
    #[command(flatten)]
    step: StepArguments,
}

#[derive(Debug, Args)]
struct StepArguments {
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    #[command(flatten)]
    signing: SigningArguments,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only show what would stop or go on, and sign nothing
    #[arg(long)]
    dry_run: bool,
    /// Show it as JSON
    #[arg(long)]
    json: bool,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Pause,
    Resume,
}

impl Step {
    const fn doing(self) -> &'static str {
        match self {
            Self::Pause => "pausing",
            Self::Resume => "resuming",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused at",
            Self::Resume => "goes on with",
        }
    }

    const fn question(self) -> &'static str {
        match self {
            Self::Pause => "Pause it?",
            Self::Resume => "Let it go on?",
        }
    }

    /// Tells whether nothing is left to do.
    fn is_done(self, head: &Head) -> bool {
        head.is_paused() == (self == Self::Pause)
    }
}

pub(super) async fn pause(session: &Session, arguments: &PauseArguments) -> Result<(), Failure> {
    run(session, &arguments.step, Step::Pause).await
}

pub(super) async fn resume(session: &Session, arguments: &ResumeArguments) -> Result<(), Failure> {
    run(session, &arguments.step, Step::Resume).await
}

async fn run(session: &Session, arguments: &StepArguments, step: Step) -> Result<(), Failure> {
    let client = session.client()?;
    require_answer(arguments.yes || arguments.dry_run, step.doing())?;
    let key = arguments
        .signing
        .key(session, &client, arguments.dry_run, step.doing())?;
    let log = session.log(&client).await?;
    let proposal = proposal(session, &log, arguments)?;
    let Proposal {
        project, channel, ..
    } = &proposal;
    let place = format!("{channel} of {project}");
    let head = log.state().head(project, channel);
    if let Some(head) = head.filter(|head| step.is_done(head)) {
        let state = match step {
            Step::Pause => "is paused already",
            Step::Resume => "is not paused",
        };
        let (hash, entry) = (head.hash.short(), head.entry);
        stderr::say(format_args!(
            "{place} {state}: {hash}, entry {entry} of the log"
        ));
        return print(&proposal.standing(entry), arguments.json);
    }
    if step == Step::Resume {
        promote::check(log.state(), &proposal, key.as_ref())?;
    }
    let hash = proposal.hash.short();
    let Some(key) = key else {
        stderr::say(format_args!("{place} points to {hash}; nothing was signed"));
        return print(&proposal.report(), arguments.json);
    };
    let draft = match step {
        Step::Pause => {
            promote::check_person(log.state(), &key, &proposal)?;
            promote::draft_pause(log.state(), &proposal)?
        }
        Step::Resume => {
            promote::require_bundle(&client, log.state(), &proposal).await?;
            promote::draft(log.state(), &proposal)
        }
    };
    let mut report = proposal.report();
    if is_proposed(&client, log.state(), &key, &draft, &mut report).await? {
        return print(&report, arguments.json);
    }
    if !arguments.yes {
        stderr::say(format_args!("{place} points to {hash}"));
        ask(step.question())?;
    }
    let expires = arguments.signing.expires();
    match sign_and_send(&client, log, &key, &proposal, &draft, expires).await? {
        Sent::Done(head) => {
            let (done, entry) = (step.done(), head.entry);
            stderr::say(format_args!(
                "{place} {done} {hash}, entry {entry} of the log"
            ));
            report.entry = Some(entry);
        }
        Sent::Waiting(pending) => report.proposed = Some(pending.proposed()),
    }
    print(&report, arguments.json)
}

/// Proposes what the channel points to, as it was promoted.
fn proposal(
    session: &Session,
    log: &LogFollower,
    arguments: &StepArguments,
) -> Result<Proposal, Failure> {
    let project = session.project()?;
    let channel = &arguments.channel;
    Ok(Proposal {
        hash: resolve::head(log.state(), &project, channel)?,
        project,
        channel: channel.clone(),
        reason: arguments.signing.reason(),
        issued_at: environment::now(),
        waves: None,
        urgent: None,
    })
}
