//! `bulla-registry restore`: makes a registry of a backup.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_schemas::report::RestoreReport;
use bulla_terminal::{Bar, Failure, bytes, count, stderr, stdout};

use super::damages;
use super::data::clock;
use crate::app::restore::restore;

/// Restore a registry from a backup into an empty folder
///
/// Everything is copied, the index is made from it, and all content is read once. A snapshot of a data
/// directory, taken at one instant, can be restored too. Ends with status 1 where something is damaged.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The backup, or the snapshot
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// The data directory to be: a new one, or an empty folder
    #[arg(long = "data", value_name = "DIR", env = "BULLA_DATA")]
    directory: PathBuf,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (root, from) = (&arguments.directory, &arguments.from);
    let bar = Arc::new(Bar::new("restore"));
    let report = restore(root, from, &clock(), Arc::clone(&bar) as _).await;
    bar.finish();
    let report = report?;
    let restored = sentence(&report);
    if arguments.json {
        stdout::json(&report)?;
    } else if !report.damages.is_empty() {
        damages::table(&report.damages).print()?;
    }
    damages::left(&report.damages, &restored)?;
    stderr::say(format_args!("{restored}: all as it was written"));
    Ok(())
}

fn sentence(report: &RestoreReport) -> String {
    let as_of = report
        .at
        .map_or_else(String::new, |at| format!(" as of {at}"));
    format!(
        "restored {}, {}, {}, {} of the log, {} and {}{as_of}; {} copied",
        count(report.manifests, "manifest", "manifests"),
        count(report.blobs, "blob", "blobs"),
        count(report.tags, "tag", "tags"),
        count(report.entries, "entry", "entries"),
        count(report.tokens, "token", "tokens"),
        count(report.hosts, "host", "hosts"),
        bytes(report.copied),
    )
}
