//! What promoting and rolling back have in common for a person: the question, the signature, and
//! the report of what was done, now or before.

use std::path::PathBuf;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::ProposalReport;
use bulla_schemas::statement::Action;
use bulla_terminal::{Failure, prompt, stderr, stdout};
use bulla_trust::{Head, LogState};
use clap::Args;

use super::changes::names;
use super::session::Session;
use super::waiting;
use crate::promote;
use crate::proposal::Proposal;
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
}

impl SigningArguments {
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
        if is_dry_run {
            return Ok(None);
        }
        Session::require_token(client, doing)?;
        session.personal_key(self.ssh_key.as_deref()).map(Some)
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

/// Signs, appends, says what the verified log then shows, and prints it.
pub(super) async fn sign_and_append(
    client: &Client,
    mut log: LogFollower,
    key: &PersonalKey,
    proposal: &Proposal,
    mut report: ProposalReport,
    json: bool,
) -> Result<(), Failure> {
    let envelope = promote::sign(log.state(), key, proposal)?;
    let head = promote::append(client, &mut log, proposal, &envelope).await?;
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
    waiting::say(&log);
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
