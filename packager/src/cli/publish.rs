//! `bulla publish`: pack, push, and say so in the log.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_registry_client::{Client, fetch_unverified};
use bulla_schemas::media_type;
use bulla_trust::key::PublicKey;
use bulla_trust::{LogState, statement};
use clap::Args;

use super::environment;
use super::failure::Failure;
use super::output;
use super::pack::{CacheArguments, SourceArguments, pack_source};
use super::progress::Bar;
use super::session::Session;
use crate::publish::{self, Run};
use crate::push::push;
use crate::{key, sign};

/// Packs a revision, pushes the bundle and logs the release; prints the hash.
///
/// Needs a builder's key and a token that may push, and no other state: made for CI. Publishing
/// the same revision again changes nothing and prints the same hash.
#[derive(Debug, Args)]
pub(super) struct PublishArguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    cache: CacheArguments,
    /// The builder's key, see `bulla key generate`.
    #[arg(long, value_name = "FILE", env = "BULLA_KEY")]
    key: PathBuf,
    /// What the policy calls the builder; by default it is looked up by the key.
    #[arg(long, value_name = "ID")]
    builder_id: Option<String>,
    /// The URL or number of the CI run, for the record.
    #[arg(long, value_name = "URL", env = "BULLA_RUN", default_value = "")]
    run: String,
}

pub(super) async fn run(session: &Session, arguments: &PublishArguments) -> Result<(), Failure> {
    let key = key::read(&arguments.key)?;
    let client = session.client()?;
    Session::require_token(&client, "publishing")?;
    // What the log says here helps to fail early and decides nothing.
    let log = read_log(session, &client, arguments).await?;
    let builder_id = builder_id(arguments, log.as_ref(), &key.public_key())?;
    let started_on = environment::now();
    let packed = pack_source(session, &arguments.source, &arguments.cache, None)?;
    let run = Run {
        builder_id,
        invocation: arguments.run.clone(),
        started_on,
        finished_on: environment::now(),
    };
    let tool = concat!("bulla ", env!("CARGO_PKG_VERSION"));
    let bundle = &packed.bundle;
    let release = publish::statement(bundle, &packed.provenance, &run, tool);
    let payload = statement::to_payload(&release);
    let envelope = sign::by_builder(media_type::IN_TOTO, &payload, &key)?;
    let existing = log
        .as_ref()
        .and_then(|log| publish::existing_entry(log, &release));
    if let (Some(log), None) = (&log, existing) {
        sign::require_effect(log, &envelope)?;
    }
    let report = push(&client, bundle, Arc::new(Bar::new("push"))).await?;
    output::say(format_args!(
        "pushed {}, {} were there already",
        output::bytes(report.sent),
        output::bytes(report.present)
    ));
    let entry = match existing {
        Some(entry) => entry,
        None => client.append(&envelope.to_bytes()).await?.index,
    };
    output::say(format_args!("released, entry {entry} of the log"));
    output::line(bundle.hash())
}

/// Reads the log: the remembered one where there is one, else whatever the registry shows. Not
/// needed by whoever knows what they are called.
async fn read_log(
    session: &Session,
    client: &Client,
    arguments: &PublishArguments,
) -> Result<Option<LogState>, Failure> {
    if let Some(mut log) = session.remembered_log()? {
        return Ok(Some(log.sync(client).await?.clone()));
    }
    if arguments.builder_id.is_some() {
        return Ok(None);
    }
    Ok(Some(fetch_unverified(client).await?))
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
