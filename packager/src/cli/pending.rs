//! `bulla pending`: what waits for signatures; and `bulla withdraw`, which ends that.

use bulla_schemas::line::shortened;
use bulla_schemas::outcome::{Outcome as _, with_causes};
use bulla_schemas::report::PendingReport;
use bulla_schemas::{DigestPrefix, ProjectName};
use bulla_terminal::{Failure, Table, stderr, stdout};
use clap::Args;

use super::proposed::how_far;
use super::session::Session;
use crate::pending;

/// Longest reason in the list.
const MOST_REASON: usize = 60;

/// List what waits for the signatures of others
///
/// Each is checked against the verified log: who has signed it, who may, and whether it can still take
/// effect. It means nothing to any server before it is in the log.
#[derive(Debug, Args)]
pub(super) struct PendingArguments {
    /// Only of this project; of all, and of the policy, where none is named
    #[arg(value_name = "PROJECT")]
    of: Option<ProjectName>,
    /// Show the list as JSON
    #[arg(long)]
    json: bool,
}

/// Take back what waits for signatures
///
/// The registry forgets it: for the token that it was proposed with, and for a token with `admin`. What
/// was signed stays signed: who has kept a copy could still complete it, until the channel moves or the
/// policy changes.
#[derive(Debug, Args)]
pub(super) struct WithdrawArguments {
    /// What `bulla pending` lists it as
    #[arg(value_name = "ID")]
    id: DigestPrefix,
    /// Only show what would be taken back
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn list(session: &Session, arguments: &PendingArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let mut reports = Vec::new();
    let mut broken = None;
    for one in pending::fetch(&client, log.state()).await? {
        match one {
            Ok(pending) => reports.push(pending.report()),
            Err(error) => {
                stderr::warn(with_causes(&error));
                broken = Some(error);
            }
        }
    }
    if let Some(project) = &arguments.of {
        reports.retain(|report| report.project.as_ref() == Some(project));
    }
    reports.sort_by_key(|report| (report.proposed_at, report.id));
    if arguments.json {
        stdout::json(&reports)?;
    } else {
        print(&reports)?;
    }
    match broken {
        None => Ok(()),
        Some(error) => {
            let hint = error.hint();
            let failure = Failure::new(
                error.kind(),
                "not all that the registry gives was signed so",
            );
            Err(match hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            })
        }
    }
}

fn print(reports: &[PendingReport]) -> Result<(), Failure> {
    if reports.is_empty() {
        stderr::say("nothing waits for signatures");
        return Ok(());
    }
    let header = ["ID", "WHAT", "STATE", "BY", "SINCE", "UNTIL", "WHY"];
    let mut table = Table::new(&header).wrap(&["WHAT", "STATE", "WHY"]).narrow();
    for report in reports {
        let by = report.proposed_by.as_ref();
        table.row([
            report.id.short(),
            report.what.clone(),
            state(report),
            by.map_or_else(String::new, ToString::to_string),
            report.proposed_at.to_string(),
            report.expires_at.to_string(),
            shortened(report.reason.as_deref().unwrap_or_default(), MOST_REASON),
        ]);
    }
    Ok(table.print()?)
}

fn state(report: &PendingReport) -> String {
    if let Some(void) = &report.void {
        return format!("cannot take effect any more: {void}");
    }
    let open = report.approvals.iter().find(|one| !one.asked.is_empty());
    open.map_or_else(
        || {
            format!(
                "has all signatures: `bulla approve {}` appends it",
                report.id.short()
            )
        },
        how_far,
    )
}

pub(super) async fn withdraw(
    session: &Session,
    arguments: &WithdrawArguments,
) -> Result<(), Failure> {
    let client = session.client()?;
    if !arguments.dry_run {
        Session::require_token(&client, "withdrawing")?;
    }
    let log = session.log(&client).await?;
    let found = pending::find::by_id(&client, log.state(), &arguments.id).await?;
    let (id, what) = (found.id.short(), found.what());
    if arguments.dry_run {
        stderr::say(format_args!("{id} would be withdrawn: {what}"));
        return Ok(());
    }
    client.withdraw(&found.id).await.map_err(|error| {
        let is_denied = error.status() == Some(403);
        let failure = Failure::from(error);
        if is_denied {
            return failure.with_hint(
                "the token that it was proposed with takes it back, and one with `admin`; who does not want \
                 it does not sign it",
            );
        }
        failure
    })?;
    stderr::say(format_args!("{id} is withdrawn: {what}"));
    Ok(stdout::line(found.id)?)
}
