//! `bulla log`: the registry's log itself.

use std::path::PathBuf;

use bulla_terminal::{Failure, count, stderr, stdout};
use clap::{Args, Subcommand};

use super::session::Session;
use crate::log_files;

/// Take the registry's log away, as plain files
#[derive(Debug, Args)]
pub(super) struct LogArguments {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    Fetch(FetchArguments),
}

/// Write the whole log into a folder, or what it has grown by since
///
/// The folder is a C2SP tlog-tiles log, which other tools read; a registry that has lost its own is
/// rebuilt from it (`bulla-registry import-log`). Everything is verified first.
#[derive(Debug, Args)]
struct FetchArguments {
    /// The folder: one that is empty or not there, or has an earlier copy
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) async fn run(session: &Session, arguments: &LogArguments) -> Result<(), Failure> {
    let LogCommand::Fetch(FetchArguments { directory }) = &arguments.command;
    let client = session.client()?;
    let log = session.log(&client).await?;
    let (checkpoint, entries) = log.fetch_copy(&client).await?;
    log_files::write(directory, &checkpoint, &entries)?;
    stderr::say(format_args!(
        "`{}` has {} of the log",
        directory.display(),
        count(entries.len() as u64, "entry", "entries")
    ));
    Ok(stdout::line(log.origin())?)
}
