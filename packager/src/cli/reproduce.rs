//! `bulla reproduce`: make a release again, and say so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::Timestamp;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::release::short_revision;
use bulla_schemas::report::{ReproduceReport, ReproducedAs};
use bulla_terminal::{Bar, Failure, escape, stderr, stdout};
use clap::Args;

use super::publishing::Publishing;
use super::session::Session;
use super::signing::SignerArguments;
use super::source::WorkArguments;
use super::{changes, environment, packing};
use crate::pack::Packed;
use crate::resolve::ReleaseName;
use crate::signer::Signer;
use crate::source::Location;
use crate::{contents, publish, reproduce};

/// Make a release again from the source that its statement names, and compare
///
/// Answers `identical`, `same content, other codec`, or `different` with what differs; the exit
/// status is 1 for the last one. Nothing of an earlier pack is used.
#[derive(Debug, Args)]
pub(super) struct ReproduceArguments {
    /// A hash, a channel for its head, a revision or a label
    #[arg(value_name = "RELEASE")]
    release: ReleaseName,
    /// Take the revision from this clone, working copy or svn URL, instead of fetching it from
    /// where the release statement says
    #[arg(long, value_name = "DIR")]
    checkout: Option<OsString>,
    /// Say in the log, as a second builder, that the release is identical; with --signer the public half
    /// of the key
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    #[command(flatten)]
    signer: SignerArguments,
    /// What the policy calls that builder; by default it is looked up by the key
    #[arg(long, value_name = "ID", requires = "sign")]
    builder_id: Option<String>,
    /// The URL or number of the run, for the record
    #[arg(long, value_name = "URL", env = "BULLA_RUN", default_value = "")]
    run: String,
    #[command(flatten)]
    work: WorkArguments,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &ReproduceArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let signer = match &arguments.sign {
        Some(path) => Some(signer(session, path, arguments, &client)?),
        None => None,
    };
    let mut log = session.log(&client).await?;
    let state = log.state();
    let (project, hash) = session.find(state, &arguments.release)?;
    let record = state
        .release(&project, &hash)
        .map(|release| release.record().clone())
        .ok_or_else(|| {
            Failure::new(
                FailureKind::Failed,
                format_args!("the log has no release {hash} of {project}"),
            )
        })?;
    let release = contents::fetch(&client, &project, hash).await?;
    let started_on = environment::now();
    let bar = Bar::new("pack");
    let options = packing::options(&arguments.work, None, std::env::temp_dir(), &bar)?;
    let checkout = arguments.checkout.as_deref().map(Location::parse);
    let (reproduction, packed) = reproduce::reproduce(&release, &record, checkout, &options, &bar)?;
    drop(bar);
    if arguments.json {
        stdout::json(&reproduction)?;
    } else {
        print(&reproduction)?;
    }
    match (reproduction.answer, signer) {
        (ReproducedAs::Identical, Some(signer)) => {
            testify(&client, &mut log, &signer, &packed, arguments, started_on).await
        }
        (ReproducedAs::Identical | ReproducedAs::SameContent, None) => Ok(()),
        (ReproducedAs::SameContent, Some(_)) => Err(Failure::new(
            FailureKind::Failed,
            "only an identical release is signed",
        )),
        (ReproducedAs::Different, _) => Err(Failure::new(
            FailureKind::Failed,
            format_args!("{} of {project} could not be reproduced", hash.short()),
        )
        .with_hint("`bulla check` finds out whether the build gives the same twice")),
    }
}

/// Reads the key and makes sure of a token before any work is done.
fn signer(
    session: &Session,
    path: &Path,
    arguments: &ReproduceArguments,
    client: &Client,
) -> Result<Signer, Failure> {
    Session::require_token(client, "signing")?;
    arguments.signer.signer(session, Some(path))
}

fn print(reproduction: &ReproduceReport) -> Result<(), Failure> {
    stderr::say(format_args!(
        "made {} of {} again, from {} at {}",
        reproduction.hash.short(),
        reproduction.project,
        reproduction.source,
        short_revision(&reproduction.revision)
    ));
    stdout::line(match reproduction.answer {
        ReproducedAs::Identical => "identical",
        ReproducedAs::SameContent => "same content, other codec",
        ReproducedAs::Different => "different",
    })?;
    for field in &reproduction.document {
        stdout::line(format_args!(
            "  {} {} -> {}",
            field.field,
            escape(&field.expected),
            escape(&field.found)
        ))?;
    }
    for change in &reproduction.changes {
        stdout::line(format_args!("  {}", changes::line(change)))?;
    }
    Ok(())
}

/// Logs a second builder's release statement. Nothing is pushed that is there already.
async fn testify(
    client: &Client,
    log: &mut LogFollower,
    signer: &Signer,
    packed: &Packed,
    arguments: &ReproduceArguments,
    started_on: Timestamp,
) -> Result<(), Failure> {
    let state = log.sync(client).await?;
    let builder_id = match &arguments.builder_id {
        Some(named) => named.clone(),
        None => publish::builder_id(state, &signer.public_key())?,
    };
    let publishing = Publishing {
        client,
        log: Some(state),
        signer,
        packed,
        builder_id,
        run: &arguments.run,
        started_on,
    };
    let published = publishing.publish().await?;
    publish::confirm(client, log, packed, &published).await?;
    stderr::say(if published.was_there {
        format!(
            "this builder said so already, entry {} of the log",
            published.entry
        )
    } else {
        format!("signed, entry {} of the log", published.entry)
    });
    Ok(())
}
