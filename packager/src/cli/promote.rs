//! `bulla promote`, and what `rollback` does the same: signing and appending.

mod show;

use std::path::PathBuf;

use bulla_bundle::VerifiedBundle;
use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::statement::Action;
use bulla_schemas::{ChannelName, DigestPrefix};
use bulla_trust::{Head, LogState};
use clap::Args;

use self::show::Shown;
use super::failure::Failure;
use super::session::Session;
use super::{confirm, environment, output};
use crate::contents;
use crate::drop::{self, Loss};
use crate::preview::Preview;
use crate::promote::{self, Wish};
use crate::resolve;
use crate::ssh::PersonalKey;

/// Points a channel to a release. Servers that follow the channel install it.
///
/// Shows first what would change there, and on a terminal asks. Refuses a release that does not
/// contain the revision that is live, unless you say --drop. You sign with your SSH key. The
/// reason and your name are permanent: the log keeps them.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct PromoteArguments {
    /// The release.
    #[arg(value_name = "HASH")]
    hash: DigestPrefix,
    /// The channel.
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// Why.
    #[arg(
        long,
        short = 'm',
        value_name = "TEXT",
        value_parser = reason,
        required_unless_present = "dry_run"
    )]
    reason: Option<String>,
    /// The public half of your SSH key; the agent or the file beside it signs.
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// A git checkout whose history tells whether the release contains what is live. Subversion
    /// needs none.
    #[arg(long, value_name = "DIR", default_value = ".")]
    checkout: PathBuf,
    /// Promotes although revisions that are live are not in the release, or nobody can tell.
    #[arg(long)]
    drop: bool,
    /// Does not ask.
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only shows what would change, and signs nothing.
    #[arg(long)]
    dry_run: bool,
    /// Shows what changes as JSON.
    #[arg(long)]
    json: bool,
}

/// The log keeps it for ever: one that says nothing is a slip.
pub(super) fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("expected a few words, found none".to_owned()),
        words => Ok(words.to_owned()),
    }
}

pub(super) async fn run(session: &Session, arguments: &PromoteArguments) -> Result<(), Failure> {
    let client = session.client()?;
    // Whoever only looks needs no key.
    let key = if arguments.dry_run {
        None
    } else {
        Session::require_token(&client, "promoting")?;
        Some(session.personal_key(arguments.ssh_key.as_deref())?)
    };
    let log = session.log(&client).await?;
    let project = session.optional_project()?;
    let (project, hash) = resolve::find(log.state(), project.as_ref(), &arguments.hash)?;
    let wish = Wish {
        project,
        channel: arguments.channel.clone(),
        hash,
        reason: arguments.reason.clone().unwrap_or_default(),
        issued_at: environment::now(),
    };
    if let Some(head) = promote::standing(log.state(), &wish) {
        say_standing(head);
        return if arguments.json {
            output::json(&Shown::standing(&wish, head))
        } else {
            output::line(head.hash)
        };
    }
    promote::check_channel(log.state(), &wish)?;
    promote::check_release(log.state(), &wish)?;
    if let Some(key) = &key {
        promote::check_person(log.state(), key, &wish)?;
    }
    let (preview, loss) = look(&client, log.state(), &wish, &arguments.checkout).await?;
    let mut shown = Shown::new(&wish, preview, &loss);
    shown.say();
    let Some(key) = key else {
        if arguments.json {
            output::json(&shown)?;
        }
        return Ok(loss.require_meant(&wish, arguments.drop)?);
    };
    require_meant(loss, &wish, arguments)?;
    let head = sign_and_append(&client, log, &key, &wish).await?;
    if !arguments.json {
        return output::line(head.hash);
    }
    shown.promoted(&head);
    output::json(&shown)
}

/// Asks where somebody can be asked. What is lost for certain is never a matter of a `y`.
fn require_meant(loss: Loss, wish: &Wish, arguments: &PromoteArguments) -> Result<(), Failure> {
    let asks = confirm::can_ask() && !arguments.yes;
    let is_unknown = matches!(loss, Loss::Unknown { .. });
    loss.require_meant(wish, arguments.drop || (asks && is_unknown))?;
    if asks {
        let question = if is_unknown && !arguments.drop {
            "Promote it, though it may take out what is live?"
        } else {
            "Promote it?"
        };
        confirm::ask(question)?;
    }
    Ok(())
}

/// Compares with what is live. A preview that cannot be made stops nobody; one that the registry
/// falsifies does, before anything is signed.
async fn look(
    client: &Client,
    state: &LogState,
    wish: &Wish,
    checkout: &std::path::Path,
) -> Result<(Result<Preview, String>, Loss), Failure> {
    let (live, target) = match fetch(client, state, wish).await {
        Ok(bundles) => bundles,
        Err(error) if error.kind() == FailureKind::Refused => return Err(error.into()),
        Err(error) => {
            let loss = drop::loss(state, wish, None, checkout);
            return Ok((Err(error.to_string()), loss));
        }
    };
    let source = |bundle: &VerifiedBundle| bundle.release().source.clone();
    let sources = live.as_ref().map(|live| (source(live), source(&target)));
    let sources = sources.as_ref().map(|(live, target)| (live, target));
    let loss = drop::loss(state, wish, sources, checkout);
    let preview = match state.release(&wish.project, &wish.hash) {
        Some(release) => Ok(Preview::new(live.as_ref(), &target, release)),
        None => Err("the log has no such release".to_owned()),
    };
    Ok((preview, loss))
}

async fn fetch(
    client: &Client,
    state: &LogState,
    wish: &Wish,
) -> Result<(Option<VerifiedBundle>, VerifiedBundle), contents::ContentsError> {
    let live = async {
        match state.head(&wish.project, &wish.channel) {
            Some(head) => {
                let live = contents::fetch(client, &wish.project, head.hash).await?;
                Ok(Some(live))
            }
            None => Ok(None),
        }
    };
    tokio::try_join!(live, contents::fetch(client, &wish.project, wish.hash))
}

/// Goes back to an earlier head: shows what changes and what is dropped, and asks nothing.
/// Dropping is what a rollback is for, and often there is no time.
pub(super) async fn roll_back(
    client: &Client,
    log: LogFollower,
    key: &PersonalKey,
    wish: &Wish,
) -> Result<(), Failure> {
    if let Some(head) = promote::standing(log.state(), wish) {
        say_standing(head);
        return output::line(head.hash);
    }
    promote::check_release(log.state(), wish)?;
    promote::check_person(log.state(), key, wish)?;
    let preview = match fetch(client, log.state(), wish).await {
        Ok((live, target)) => log
            .state()
            .release(&wish.project, &wish.hash)
            .map(|release| Preview::new(live.as_ref(), &target, release))
            .ok_or_else(|| "the log has no such release".to_owned()),
        Err(error) if error.kind() == FailureKind::Refused => return Err(error.into()),
        Err(error) => Err(error.to_string()),
    };
    Shown::new(wish, preview, &Loss::Nothing).say();
    show::say_dropped("takes out", &drop::rolled_back(log.state(), wish));
    let head = sign_and_append(client, log, key, wish).await?;
    output::line(head.hash)
}

async fn sign_and_append(
    client: &Client,
    mut log: LogFollower,
    key: &PersonalKey,
    wish: &Wish,
) -> Result<Head, Failure> {
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
    Ok(head)
}

fn say_standing(head: &Head) {
    output::say(format_args!(
        "{} of {} points to {} already, since entry {} of the log, by {}",
        head.channel,
        head.project,
        head.hash.short(),
        head.entry,
        output::names(&head.people)
    ));
}
