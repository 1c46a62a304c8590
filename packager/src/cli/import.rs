//! `bulla import`: the content of a bundle file into a registry.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_bundle::{BundleFileError, Progress as _};
use clap::Args;

use super::failure::Failure;
use super::progress::Bar;
use super::session::Session;
use super::{bundle_file, output};
use crate::counted::Counted;
use crate::import::{Standing, judge};
use crate::push::push_file;

/// Checks a bundle file and pushes its bundle to a registry.
///
/// Only content is imported. What the log says about a release is signed for that log: where the
/// registry's own log has no release statement, publish the same revision to it, which gives the
/// same hash.
#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The file.
    #[arg(value_name = "FILE.bulla")]
    file: PathBuf,
}

pub(super) async fn run(session: &Session, arguments: &ImportArguments) -> Result<(), Failure> {
    let path = &arguments.file;
    let file = bundle_file::open(path)?;
    let bundle = file.bundle();
    let bar = Bar::new("verify");
    bar.start(Some(bundle.manifest().payload().size));
    let mut payload = Counted {
        reader: file.payload(),
        told: |bytes| bar.advance(bytes),
    };
    let verified = bundle.verify_payload(&mut payload);
    verified.map_err(|error| Failure::from(BundleFileError::from(error)).of_file(path))?;
    drop(payload);
    drop(bar);
    let client = session.client()?;
    Session::require_token(&client, "importing")?;
    let log = session.log(&client).await?;
    let standing = judge(&log, &file).map_err(|error| {
        Failure::from(error).of_file(path).with_hint(
            "the file was damaged on its way, or tells another history than the registry: export \
             it again, and if that is refused too, keep both and ask the registry's operator",
        )
    })?;
    let report = push_file(&client, &file, Arc::new(Bar::new("push"))).await?;
    output::say(format_args!(
        "pushed {}, {} were there already",
        output::bytes(report.sent),
        output::bytes(report.present)
    ));
    let project = &bundle.release().project;
    match standing {
        Standing::Released { entry } => {
            output::say(format_args!(
                "released in {project}, entry {entry} of the log"
            ));
        }
        Standing::Behind { entries } => output::say(format_args!(
            "warning: the registry's log lacks {entries} entries of the file's copy, one of which \
             released it; restore the log from its backup"
        )),
        Standing::OtherLog { origin } => output::say(format_args!(
            "the file's log is `{}`, the registry's is `{}`: nothing here says that it was \
             released; `bulla publish` of the same revision does",
            output::text(&origin),
            output::text(log.origin())
        )),
        Standing::Unreleased => output::say(
            "nothing in the log says that it was released; `bulla publish` of the same revision \
             does",
        ),
    }
    output::line(bundle.hash())
}
