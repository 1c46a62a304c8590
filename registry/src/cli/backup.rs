//! `bulla-registry backup`: a copy of everything, also while the registry runs.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::BackupReport;
use bulla_terminal::{Bar, Failure, bytes, count, stderr, stdout};

use super::data::{Data, clock};
use crate::keep::backup;

/// How much of what is missing is named; of all, it is said how many.
const MOST_NAMED: usize = 20;

/// Back up everything, tokens and the log key included, also while the registry runs
///
/// The backup is a data directory itself. The next one into the same folder costs what is new. On the
/// file system of the registry, content is linked and takes no room, and nothing outlives its disk.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder for the backup: a backup of the same registry, an empty folder, or a new one
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.existing()?;
    let bar = Arc::new(Bar::new("back up"));
    let report = backup(root, &arguments.to, &clock(), Arc::clone(&bar) as _).await;
    bar.finish();
    let report = report?;
    if arguments.json {
        stdout::json(&report)?;
    } else {
        stderr::say(sentence(&report, &arguments.to.display().to_string()));
    }
    if report.missing.is_empty() {
        return Ok(());
    }
    for missing in report.missing.iter().take(MOST_NAMED) {
        let (project, digest) = (&missing.project, &missing.digest);
        stderr::warn(format_args!(
            "{project}: {digest} is stored nowhere, or damaged"
        ));
    }
    let missing = count(
        report.missing.len() as u64,
        "blob or manifest is",
        "blobs or manifests are",
    );
    let failure = Failure::new(
        FailureKind::Failed,
        format_args!("all else is in the backup, but {missing} missing"),
    );
    Err(failure.with_hint("`bulla-registry fsck` says which releases that costs"))
}

fn sentence(report: &BackupReport, to: &str) -> String {
    let entries = count(report.entries, "entry", "entries");
    let projects = count(report.projects, "project", "projects");
    let tokens = count(report.tokens, "token", "tokens");
    let (copied, linked) = (bytes(report.copied), bytes(report.linked));
    format!(
        "`{to}` has {projects}, {entries} of the log and {tokens} as of {}; new in it: {copied} copied, \
         {linked} linked",
        report.at
    )
}
