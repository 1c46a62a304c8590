//! `bulla export`: a release as one file, for places without network.

use std::path::PathBuf;

use bulla_terminal::{Bar, Failure, stderr, stdout};
use clap::Args;

use super::bundle_file::warn_of_name;
use super::session::Session;
use crate::export;
use crate::resolve::ReleaseName;

/// Write a release to one file, with all that is needed to judge it without network
///
/// The file holds the bundle, the log and its checkpoint, and every byte of it is checked before
/// it gets its name. `bulla-installer install FILE` installs it.
#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// A hash, a channel for its head, a revision or a label
    #[arg(value_name = "RELEASE")]
    release: ReleaseName,
    /// The file
    #[arg(long, short, value_name = "FILE.bulla")]
    output: PathBuf,
}

pub(super) async fn run(session: &Session, arguments: &ExportArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let (project, hash) = session.find(log.state(), &arguments.release)?;
    let path = &arguments.output;
    let bar = Bar::new("export");
    let exported = export::export(&client, &log, &project, hash, path, &bar);
    let mut draft = Box::pin(exported).await?;
    drop(bar);
    let bar = Bar::new("verify");
    export::verify(&mut draft, &bar)?;
    drop(bar);
    draft.put()?;
    stderr::say(format_args!(
        "wrote {} of {project} to `{}`",
        hash.short(),
        path.display()
    ));
    warn_of_name(path);
    Ok(stdout::line(hash)?)
}
