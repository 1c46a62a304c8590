//! `bulla log`: the registry's log itself.

use std::path::{Path, PathBuf};

use bulla_schemas::Digest;
use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, count, stderr, stdout};
use clap::{Args, Subcommand};

use super::session::Session;
use crate::log_files;
use crate::log_push::{self, LogCopyFiles, LogPushError};

/// Take the registry's log away, as plain files
#[derive(Debug, Args)]
pub(super) struct LogArguments {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    Fetch(FetchArguments),
    Push(PushArguments),
    Snapshot(SnapshotArguments),
}

/// Send a registry that lost some of its log, or all of it, what a copy has
///
/// Entry by entry, as they were appended once: the registry judges each of them again, and signs with the
/// log's own key, which it must have. Takes a token with `push` and `admin` for all projects. What ends
/// early goes on from there the next time.
#[derive(Debug, Args)]
struct PushArguments {
    /// The copy: a folder of `bulla log fetch`, or `log/` of a mirror or a backup
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Write what the log says into a file that a new server begins with
///
/// For logs of millions of entries, which take a server long to replay. Prints the digest of the file,
/// which `bulla-installer enroll --snapshot FILE --snapshot-digest DIGEST` takes besides the anchor: a
/// server believes the file because of it, so hand it on as you do the anchor.
#[derive(Debug, Args)]
struct SnapshotArguments {
    /// The file; one that is there is replaced
    #[arg(value_name = "FILE")]
    file: PathBuf,
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
    match &arguments.command {
        LogCommand::Fetch(arguments) => fetch(session, &arguments.directory).await,
        LogCommand::Push(arguments) => push(session, &arguments.directory).await,
        LogCommand::Snapshot(arguments) => snapshot(session, &arguments.file).await,
    }
}

async fn fetch(session: &Session, directory: &Path) -> Result<(), Failure> {
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

async fn snapshot(session: &Session, file: &Path) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let state = log.state();
    // A server takes nothing that goes further than what it is shown.
    if let Some(witnessed) = log.witnessed() {
        let waiting = count(state.size() - witnessed, "entry waits", "entries wait");
        let message = format_args!("{waiting} for witnesses, and servers do not take them before");
        return Err(Failure::new(FailureKind::Temporary, message)
            .with_hint("run the same command again when the witnesses have cosigned them"));
    }
    let bytes = state.to_bytes();
    bulla_files::write(file, &bytes)?;
    stderr::say(format_args!(
        "`{}` is what {} of `{}` lead to",
        file.display(),
        count(state.size(), "entry", "entries"),
        log.origin()
    ));
    Ok(stdout::line(Digest::of(&bytes))?)
}

async fn push(session: &Session, directory: &Path) -> Result<(), Failure> {
    let client = session.client()?;
    Session::require_token(&client, "sending the log")?;
    let copy = LogCopyFiles::read(directory)?;
    // The registry that was lost cannot be asked which log it is.
    let remembered = session.remembered_log()?;
    let remembered = remembered.and_then(|log| log.state().anchor());
    let known: Vec<_> = session
        .named_anchor()
        .into_iter()
        .chain(&remembered)
        .collect();
    if known.is_empty() {
        return Err(LogPushError::Unknown.into());
    }
    known
        .into_iter()
        .try_for_each(|known| copy.require(known))?;
    let sent = log_push::push(&client, &copy).await?;
    let size = copy.state().size();
    stderr::say(format_args!(
        "sent {}; the registry has all {size} of the log",
        count(sent, "entry", "entries")
    ));
    Ok(stdout::line(copy.state().origin().unwrap_or_default())?)
}
