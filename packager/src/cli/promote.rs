//! `bulla promote`, and what `rollback` does the same: showing, signing, appending.

use std::path::PathBuf;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::api::ChangeKind;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::statement::Action;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName};
use bulla_trust::LogState;
use clap::Args;

use super::failure::Failure;
use super::session::Session;
use super::{environment, output};
use crate::contents::{self, ContentsError};
use crate::promote::{self, Wish};
use crate::resolve;
use crate::ssh::PersonalKey;

/// Points a channel to a release. Servers that follow the channel install it.
///
/// You sign with your SSH key. The reason and your name are permanent: the log keeps them.
#[derive(Debug, Args)]
pub(super) struct PromoteArguments {
    /// The release.
    #[arg(value_name = "HASH")]
    hash: DigestPrefix,
    /// The channel.
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// Why.
    #[arg(long, short = 'm', value_name = "TEXT")]
    reason: String,
    /// The public half of your SSH key; the agent or the file beside it signs.
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
}

pub(super) async fn run(session: &Session, arguments: &PromoteArguments) -> Result<(), Failure> {
    let key = session.personal_key(arguments.ssh_key.as_deref())?;
    let client = session.client()?;
    let log = session.log(&client).await?;
    let project = session.optional_project()?;
    let (project, hash) = resolve::find(log.state(), project.as_ref(), &arguments.hash)?;
    let wish = Wish {
        project,
        channel: arguments.channel.clone(),
        hash,
        reason: arguments.reason.clone(),
        issued_at: environment::now(),
    };
    move_channel(&client, log, &key, &wish).await
}

/// Shows what would change, asks for the signature and waits until the log shows it.
pub(super) async fn move_channel(
    client: &Client,
    mut log: LogFollower,
    key: &PersonalKey,
    wish: &Wish,
) -> Result<(), Failure> {
    if let Some(head) = promote::standing(log.state(), wish) {
        output::say(format_args!(
            "{} of {} points to {} already, since entry {} of the log, by {}",
            head.channel,
            head.project,
            head.hash.short(),
            head.entry,
            output::names(&head.people)
        ));
        return output::line(head.hash);
    }
    promote::check(log.state(), key, wish)?;
    preview(client, log.state(), wish).await?;
    let envelope = promote::sign(log.state(), key, wish)?;
    let head = promote::append(client, &mut log, wish, &envelope).await?;
    let done = match head.action {
        Action::Promote => "promoted",
        Action::Rollback => "rolled back to",
        Action::Pause => "paused at",
    };
    output::say(format_args!(
        "{done} {} on {} of {}, entry {} of the log",
        head.hash.short(),
        head.channel,
        head.project,
        head.entry
    ));
    output::line(head.hash)
}

/// Says what would change. A preview that cannot be made stops nobody; one that the registry
/// falsifies does, before anything is signed.
async fn preview(client: &Client, state: &LogState, wish: &Wish) -> Result<(), Failure> {
    let head = state.head(&wish.project, &wish.channel);
    let from = head.map_or_else(|| "nothing yet".to_owned(), |head| head.hash.short());
    let compared = compare(client, &wish.project, head.map(|head| head.hash), wish.hash).await;
    let changes = match compared {
        Ok(changes) => changes,
        Err(error) if error.kind() == FailureKind::Refused => return Err(error.into()),
        Err(error) => format!("not compared: {error}"),
    };
    output::say(format_args!(
        "{} {}: {from} -> {}, {changes}",
        wish.project,
        wish.channel,
        wish.hash.short(),
    ));
    Ok(())
}

async fn compare(
    client: &Client,
    project: &ProjectName,
    from: Option<Digest>,
    to: Digest,
) -> Result<String, ContentsError> {
    let to = contents::fetch(client, project, to).await?;
    let Some(from) = from else {
        return Ok(format!("{} files", to.release().files));
    };
    let from = contents::fetch(client, project, from).await?;
    let changes = bulla_bundle::diff(from.entries(), to.entries());
    let count = |kind| changes.iter().filter(|c| c.change == kind).count();
    let (added, removed) = (count(ChangeKind::Added), count(ChangeKind::Removed));
    let other = changes.len() - added - removed;
    Ok(format!("{added} added, {removed} removed, {other} changed"))
}
