//! `bulla import`: the content of a bundle file into a registry.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_terminal::{Bar, Failure, bytes, count, stderr, stdout};
use clap::Args;

use super::bundle_file::{self, in_file};
use super::session::Session;
use crate::import::{self, Standing};
use crate::push::push_file;

/// Check a bundle file and push its bundle to a registry
///
/// Only content is imported. What the log says about a release is signed for that log: where the
/// registry's own log has no release statement, publish the same revision to it, which gives the
/// same hash.
#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The file
    #[arg(value_name = "FILE.bulla")]
    file: PathBuf,
}

pub(super) async fn run(session: &Session, arguments: &ImportArguments) -> Result<(), Failure> {
    let path = &arguments.file;
    let file = bundle_file::open(path)?;
    let bundle = file.bundle();
    let bar = Bar::new("verify");
    let verified = import::verify(&file, &bar);
    verified.map_err(|error| Failure::from(error).context(in_file(path)))?;
    drop(bar);
    let client = session.client()?;
    Session::require_token(&client, "importing")?;
    let log = session.log(&client).await?;
    let standing = import::judge(&log, &file).map_err(|error| {
        Failure::from(error).context(in_file(path)).with_hint(
            "the file was damaged on its way, or tells another history than the registry: export \
             it again, and if that is refused too, keep both and ask the registry's operator",
        )
    })?;
    let report = push_file(&client, &file, Arc::new(Bar::new("push"))).await?;
    stderr::say(format_args!(
        "pushed {}, {} were there already",
        bytes(report.sent),
        bytes(report.present)
    ));
    let project = &bundle.release().project;
    match standing {
        Standing::Released { entry } => {
            stderr::say(format_args!(
                "released in {project}, entry {entry} of the log"
            ));
        }
        Standing::Behind { entries } => stderr::warn(format_args!(
            "the registry's log lacks {} of the file's copy, where it was released; restore the log \
             from its backup",
            count(entries, "entry", "entries")
        )),
        Standing::OtherLog { origin } => stderr::say(format_args!(
            "the file's log is `{origin}`, the registry's is `{}`: nothing here says that it was \
             released; `bulla publish` of the same revision does",
            log.origin()
        )),
        Standing::Unreleased => stderr::say(
            "nothing in the log says that it was released; `bulla publish` of the same revision \
             does",
        ),
    }
    Ok(stdout::line(bundle.hash())?)
}
