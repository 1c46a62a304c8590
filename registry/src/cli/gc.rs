//! `bulla-registry gc`: removes what nothing needs any more, also while the registry runs.

use std::path::PathBuf;

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::{GcRelease, GcReport, GcSkipped};
use bulla_terminal::{Failure, Table, bytes, count, stderr, stdout};

use super::data::{Data, clock};
use crate::keep::{Kept, Retention, Rules, Terms, gc};
use crate::period::seconds;

/// Remove what nothing needs any more
///
/// Kept is what is or was the head of a channel, what has a tag, what hosts say that they have or had
/// before, what was published within some time, and what was pushed or asked for lately. It runs
/// beside the server and delays no push. The log is never shortened.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Say what would go, and why each release stays or goes, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// How long what was pushed, or asked for by who may push, is left alone; less than an hour needs
    /// the registry stopped
    #[arg(long, value_name = "PERIOD", default_value = "7d", value_parser = seconds)]
    grace: i64,
    /// How long a release is kept that was published and never promoted
    #[arg(long, value_name = "PERIOD", default_value = "90d", value_parser = seconds)]
    keep_unpromoted: i64,
    /// Keep so many of the last heads of each channel, the present one among them; all when neither
    /// this nor --keep-promoted is given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    keep_heads: Option<u32>,
    /// Keep what was the head of a channel within this period
    #[arg(long, value_name = "PERIOD", value_parser = seconds)]
    keep_promoted: Option<i64>,
    /// Keep what a file says, project by project, in the place of the three options above
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["keep_unpromoted", "keep_heads", "keep_promoted"]
    )]
    rules: Option<PathBuf>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.existing()?;
    let kept = match &arguments.rules {
        Some(path) => Kept::By(Rules::load(path)?),
        None => Kept::Alike(Terms {
            heads: arguments.keep_heads,
            promoted: arguments.keep_promoted,
            unpromoted: arguments.keep_unpromoted,
        }),
    };
    let retention = Retention {
        grace: arguments.grace,
        kept,
    };
    let report = gc(root, &retention, arguments.dry_run, &clock()).await?;
    if arguments.json {
        stdout::json(&report)?;
    } else if arguments.dry_run {
        table(&report.releases).print()?;
    }
    for GcSkipped { project, digest } in &report.skipped {
        stderr::warn(format_args!(
            "nothing of {project} goes: {digest}, which stays, is damaged or lost"
        ));
    }
    let removed = sentence(&report);
    if report.skipped.is_empty() {
        if !arguments.json {
            stderr::say(removed);
        }
        return Ok(());
    }
    let skipped = count(report.skipped.len() as u64, "project", "projects");
    let failed = format!("{removed}; {skipped} and all content are left as they are");
    Err(Failure::new(FailureKind::Failed, failed).with_hint(
        "`bulla-registry fsck` says which releases to publish again; nothing is removed on a guess \
         until then",
    ))
}

fn table(releases: &[GcRelease]) -> Table {
    let has_rules = releases.iter().any(|release| release.rule.is_some());
    let mut header = vec!["RELEASE", "PROJECT", "SIZE", "", "WHY"];
    if has_rules {
        header.insert(4, "RULE");
    }
    let mut table = Table::new(&header).wrap(&["PROJECT", "WHY"]);
    for release in releases {
        let mut row = vec![
            release.hash.short(),
            release.project.to_string(),
            bytes(release.apparent),
            if release.kept { "stays" } else { "goes" }.to_owned(),
            release.reasons.join("; "),
        ];
        if has_rules {
            row.insert(4, release.rule.clone().unwrap_or_default());
        }
        table.row(row);
    }
    table
}

fn sentence(report: &GcReport) -> String {
    let removed = report.releases.iter().filter(|release| !release.kept);
    let releases = count(removed.count() as u64, "release", "releases");
    let manifests = count(report.manifests, "other manifest", "other manifests");
    let blobs = count(report.blobs, "blob", "blobs");
    let would = if report.dry_run {
        "would remove"
    } else {
        "removed"
    };
    let freed = bytes(report.freed);
    let damaged = match report.damaged {
        0 => String::new(),
        damaged => {
            let damaged = count(
                damaged,
                "piece of damaged content",
                "pieces of damaged content",
            );
            format!(", and {damaged} that nothing needs any more")
        }
    };
    format!("{would} {releases}, {manifests} and {blobs}{damaged}; {freed} of the disk")
}
