//! `bulla publish`: pack, push, and log the release.

use std::path::PathBuf;

use bulla_registry_client::{Client, LogFollower, fetch_unverified};
use bulla_terminal::{Failure, bytes, stderr, stdout};
use bulla_trust::LogState;
use bulla_trust::key::PublicKey;
use clap::Args;

use super::publishing::Publishing;
use super::session::Session;
use super::signing::SignerArguments;
use super::source::{CacheArguments, SourceArguments};
use super::{environment, packing};
use crate::publish;

/// Pack a revision, push the bundle, log the release, and print the hash
///
/// Needs a builder's key and a token that may push, and no other state: made for CI. Where an anchor is
/// given, the release is looked for in the verified log. Publishing the same revision again changes
/// nothing and prints the same hash.
#[derive(Debug, Args)]
pub(super) struct PublishArguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    cache: CacheArguments,
    /// The builder's key, see `bulla key generate`; `BULLA_KEY_TEXT` is the key itself. With --signer its
    /// public half
    #[arg(long, value_name = "FILE", env = "BULLA_KEY")]
    key: Option<PathBuf>,
    #[command(flatten)]
    signer: SignerArguments,
    /// What the policy calls the builder; by default it is looked up by the key
    #[arg(long, value_name = "ID")]
    builder_id: Option<String>,
    /// The URL or number of the CI run, for the record
    #[arg(long, value_name = "URL", env = "BULLA_RUN", default_value = "")]
    run: String,
}

pub(super) async fn run(session: &Session, arguments: &PublishArguments) -> Result<(), Failure> {
    let signer = arguments.signer.signer(session, arguments.key.as_deref())?;
    let client = session.client()?;
    Session::require_token(&client, "publishing")?;
    let mut log = read_log(session, &client, arguments).await?;
    let builder_id = builder_id(arguments, log.state(), &signer.public_key())?;
    let started_on = environment::now();
    let packed = packing::pack(session, &arguments.source, &arguments.cache, None)?;
    let publishing = Publishing {
        client: &client,
        log: log.state(),
        signer: &signer,
        packed: &packed,
        builder_id,
        run: &arguments.run,
        started_on,
    };
    let published = publishing.publish().await?;
    if let ReadLog::Verified(log) = &mut log {
        publish::confirm(&client, log, &packed, &published).await?;
    }
    stderr::say(format_args!(
        "pushed {}, {} were there already",
        bytes(published.pushed.sent),
        bytes(published.pushed.present)
    ));
    stderr::say(format_args!(
        "released, entry {} of the log",
        published.entry
    ));
    Ok(stdout::line(packed.bundle.hash())?)
}

/// What a machine that publishes knows of the log.
enum ReadLog {
    /// What it has verified.
    Verified(Box<LogFollower>),
    /// What the registry shows, which helps to fail early and decides nothing.
    Shown(Box<LogState>),
    Unread,
}

impl ReadLog {
    fn state(&self) -> Option<&LogState> {
        match self {
            Self::Verified(log) => Some(log.state()),
            Self::Shown(state) => Some(state),
            Self::Unread => None,
        }
    }
}

/// Reads the log: verified where there is something to verify it against, else whatever the registry
/// shows. Not needed where the builder's name is given.
async fn read_log(
    session: &Session,
    client: &Client,
    arguments: &PublishArguments,
) -> Result<ReadLog, Failure> {
    if session.can_verify()? {
        return Ok(ReadLog::Verified(Box::new(session.log(client).await?)));
    }
    if arguments.builder_id.is_some() {
        return Ok(ReadLog::Unread);
    }
    let shown = fetch_unverified(client).await?;
    Ok(ReadLog::Shown(Box::new(shown)))
}

fn builder_id(
    arguments: &PublishArguments,
    log: Option<&LogState>,
    key: &PublicKey,
) -> Result<String, Failure> {
    match (&arguments.builder_id, log) {
        (Some(named), _) => Ok(named.clone()),
        (None, Some(log)) => Ok(publish::builder_id(log, key)?),
        (None, None) => Err(Failure::usage("the builder has no name; give --builder-id")),
    }
}
