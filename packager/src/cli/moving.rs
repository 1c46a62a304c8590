//! What promoting and rolling back have in common for a person: the question, the signature, and
//! the report of what was done, now or before.

use std::path::PathBuf;
use std::time::Duration;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::ProposalReport;
use bulla_schemas::statement::{Action, PromotionStatement};
use bulla_terminal::{Failure, prompt, stderr, stdout};
use bulla_trust::{Head, LogState, Statement};
use clap::Args;

use super::changes::names;
use super::session::Session;
use super::{proposed, waiting};
use crate::promote;
use crate::proposal::Proposal;
use crate::propose::Sent;
use crate::ssh::PersonalKey;

/// The reason is permanent: one without words is a mistake.
pub(super) fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("expected a few words, found none".to_owned()),
        words => Ok(words.to_owned()),
    }
}

/// What a person signs with, where only looking needs neither reason nor key.
#[derive(Debug, Args)]
pub(super) struct SigningArguments {
    /// Why
    #[arg(
        long,
        short = 'm',
        value_name = "TEXT",
        value_parser = reason,
        required_unless_present = "dry_run"
    )]
    reason: Option<String>,
    /// The public half of your SSH key; the agent or the file beside it signs
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// Where several people sign: how long it waits for them, such as `2d`; 7 days where nothing is said
    #[arg(long, value_name = "TIME", value_parser = proposed::expiry)]
    expires: Option<Duration>,
}

impl SigningArguments {
    /// Returns how long what others have to sign waits for them.
    pub(super) const fn expires(&self) -> Option<Duration> {
        self.expires
    }

    /// Returns the reason; none is given where nothing is signed.
    pub(super) fn reason(&self) -> String {
        self.reason.clone().unwrap_or_default()
    }

    /// Finds the key, where it is not only looked. `doing` is what needs the token besides.
    pub(super) fn key(
        &self,
        session: &Session,
        client: &Client,
        is_dry_run: bool,
        doing: &str,
    ) -> Result<Option<PersonalKey>, Failure> {
        session.signing_key(client, self.ssh_key.as_deref(), is_dry_run, doing)
    }
}

/// Fails where nobody can be asked and nobody has answered beforehand: what is signed is permanent.
pub(super) fn require_answer(is_answered: bool, doing: &str) -> Result<(), Failure> {
    if is_answered || prompt::can_ask() {
        return Ok(());
    }
    let message = format!("{doing} asks before it signs, and here is no terminal to ask on");
    Err(Failure::usage(message)
        .with_hint("give --yes to answer beforehand; --dry-run only shows what would change"))
}

/// Asks before signing, and fails unless the answer is yes.
pub(super) fn ask(question: &str) -> Result<(), Failure> {
    if prompt::confirm(question)? {
        return Ok(());
    }
    Err(Failure::new(FailureKind::Failed, "nothing was done"))
}

/// Says whose pause a move of the channel ends.
pub(super) fn say_pause(paused: &Head) {
    stderr::say(format_args!(
        "  `{}` is paused by {}, which this ends: {}",
        paused.channel,
        names(&paused.people),
        paused.reason
    ));
}

/// Says what waits already where somebody has proposed the same, and tells whether it was the person
/// themselves, for whom nothing is left to do. What others proposed is theirs to be approved.
pub(super) async fn is_proposed(
    client: &Client,
    state: &LogState,
    key: &PersonalKey,
    promotion: &PromotionStatement,
    report: &mut ProposalReport,
) -> Result<bool, Failure> {
    let statement = Statement::Promotion(Box::new(promotion.clone()));
    let pending = proposed::own(client, state, key, &statement).await?;
    let Some(pending) = pending else {
        return Ok(false);
    };
    report.proposed = Some(pending.proposed());
    Ok(true)
}

/// Signs, appends, says what the verified log then shows, and prints it; or says for whom it waits.
pub(super) async fn sign_and_send(
    client: &Client,
    mut log: LogFollower,
    key: &PersonalKey,
    proposal: &Proposal,
    promotion: &PromotionStatement,
    expires: Option<Duration>,
) -> Result<Sent<Head>, Failure> {
    let signed = promote::sign(log.state(), key, promotion)?;
    let sent = promote::send(client, &mut log, proposal, &signed, expires).await?;
    match &sent {
        Sent::Waiting(pending) => proposed::say(pending),
        Sent::Done(_) => waiting::say(&log),
    }
    Ok(sent)
}

/// The same for a promotion or a rollback.
pub(super) async fn move_channel(
    client: &Client,
    log: LogFollower,
    key: &PersonalKey,
    proposal: &Proposal,
    mut report: ProposalReport,
    (expires, json): (Option<Duration>, bool),
) -> Result<(), Failure> {
    let promotion = promote::draft(log.state(), proposal);
    match sign_and_send(client, log, key, proposal, &promotion, expires).await? {
        Sent::Done(head) => {
            let done = match head.action {
                Action::Promote => "promoted",
                Action::Rollback => "rolled back to",
                Action::Pause => "paused at",
                Action::Widen => "widened",
            };
            stderr::say(format_args!(
                "{done} {} on {} of {}, entry {} of the log",
                head.hash.short(),
                head.channel,
                head.project,
                head.entry
            ));
            report.entry = Some(head.entry);
        }
        Sent::Waiting(pending) => report.proposed = Some(pending.proposed()),
    }
    print(&report, json)
}

/// Tells whether the channel points to the release already, and then says and prints so.
pub(super) fn is_done(state: &LogState, proposal: &Proposal, json: bool) -> Result<bool, Failure> {
    let Some(head) = promote::standing(state, proposal)? else {
        return Ok(false);
    };
    stderr::say(format_args!(
        "{} of {} points to {} already, since entry {} of the log, by {}; `bulla promote {} {} --again \
         -m REASON` has servers on which it failed try it once more",
        head.channel,
        head.project,
        head.hash.short(),
        head.entry,
        names(&head.people),
        head.hash.short(),
        head.channel,
    ));
    print(&proposal.standing(head.entry), json)?;
    Ok(true)
}

pub(super) fn print(report: &ProposalReport, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(stdout::json(report)?);
    }
    Ok(stdout::line(report.hash)?)
}
