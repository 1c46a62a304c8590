//! What all commands that change the policy have in common.

pub(super) mod edit;
pub(super) mod history;
pub(super) mod show;
pub(super) mod threshold;
pub(super) mod witness;

use std::path::PathBuf;
use std::time::Duration;

use bulla_schemas::policy::Policy;
use bulla_terminal::{Failure, stderr, stdout};
use bulla_trust::Statement;
use clap::Args;

use super::moving::{ask, require_answer};
use super::session::Session;
use super::{proposed, waiting};
use crate::policy::{self, Change};
use crate::propose::Sent;
use crate::ssh::PersonalKey;

/// How a change is signed and told.
#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    /// The public half of your SSH key; the agent or the file beside it signs
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// Where several people sign: how long it waits for them, such as `2d`; 7 days where nothing is said
    #[arg(long, value_name = "TIME", value_parser = proposed::expiry)]
    expires: Option<Duration>,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only show what would change, and sign nothing
    #[arg(long)]
    dry_run: bool,
    /// Show the policy that comes of it as JSON
    #[arg(long)]
    json: bool,
}

/// Shows a change in words, asks, signs it and puts it into effect.
pub(super) async fn change(
    session: &Session,
    arguments: &ChangeArguments,
    change: &Change,
) -> Result<(), Failure> {
    change_with(session, arguments, change, None).await
}

/// The same with a key that comes, which signs too where the other one of its owner goes.
pub(super) async fn change_with(
    session: &Session,
    arguments: &ChangeArguments,
    change: &Change,
    coming: Option<&PersonalKey>,
) -> Result<(), Failure> {
    let client = session.client()?;
    require_answer(arguments.yes || arguments.dry_run, "changing the policy")?;
    let named = arguments.ssh_key.as_deref();
    let key = session.signing_key(&client, named, arguments.dry_run, "changing the policy")?;
    let mut log = session.log(&client).await?;
    if let Some(key) = &key {
        policy::check_signer(log.state(), key)?;
    }
    let next = policy::next(log.state(), change)?;
    let current = policy::in_effect(log.state())?;
    if policy::is_same(current, &next) {
        stderr::say(format_args!(
            "policy {} says so already: nothing changed, and nothing was signed",
            current.version
        ));
        return Ok(());
    }
    let (gone, come) = policy::difference(current, &next);
    say(&next, &gone, &come);
    warn_of_age(current, &next);
    proposed::say_voided(&client, log.state(), &next, None).await;
    if let Some(key) = key {
        let second = policy::second_signer(&next, &key, coming)?;
        let statement = Statement::Policy(Box::new(next.clone()));
        let own = proposed::own(&client, log.state(), &key, &statement).await?;
        if own.is_none() {
            if !arguments.yes {
                ask("Sign it?")?;
            }
            let expires = arguments.expires;
            match policy::put_in_effect(&client, &mut log, &key, second, &next, expires).await? {
                Sent::Done(entry) => {
                    stderr::say(format_args!(
                        "policy {} is in effect, entry {entry} of the log",
                        next.version
                    ));
                    waiting::say(&log);
                }
                Sent::Waiting(pending) => proposed::say(&pending),
            }
        }
    }
    if arguments.json {
        stdout::json(&next)?;
    }
    Ok(())
}

/// Warns of rules under which servers install nothing: nobody says how old the log is.
fn warn_of_age(current: &Policy, next: &Policy) {
    if next.witnesses.quorum > 0 {
        return;
    }
    let was_vouched_for = current.witnesses.quorum > 0;
    let aged = next.channels.iter().filter(|rule| rule.max_age.is_some());
    for rule in aged.filter(|rule| was_vouched_for || !current.channels.contains(rule)) {
        stderr::warn(format_args!(
            "{} takes no log that witnesses have not vouched for, and no witness has to: servers install \
             nothing new from it before `bulla policy witness add` or `bulla policy witness quorum` asks for \
             some",
            policy::place(rule)
        ));
    }
}

/// Says what comes and goes.
pub(super) fn say(next: &Policy, gone: &[String], come: &[String]) {
    stderr::say(format_args!("after this, policy {}:", next.version));
    for line in gone {
        stderr::words("  - ", line);
    }
    for line in come {
        stderr::words("  + ", line);
    }
}
