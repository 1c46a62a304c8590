//! `bulla identify`: which release a directory is.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use bulla_schemas::ChannelName;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::release::short_revision;
use bulla_schemas::report::IdentifyReport;
use bulla_terminal::{Bar, Failure, escape, stderr, stdout};
use clap::Args;

use super::session::Session;
use crate::identify::{Folder, candidates, identify};

/// Name the release that a directory is, or is nearest to, and what differs
///
/// For a server folder that was copied by hand, an installed release, a checkout. Persistent
/// paths do not count. The exit status is 0 when nothing differs and 1 when something does.
#[derive(Debug, Args)]
pub(super) struct IdentifyArguments {
    /// The directory
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// How many of the project's newest releases are compared; heads of channels always are
    #[arg(long, value_name = "N", default_value = "100")]
    last: usize,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(
    session: &Session,
    arguments: &IdentifyArguments,
) -> Result<ExitCode, Failure> {
    let project = session.project()?;
    let client = session.client()?;
    let log = session.log(&client).await?;
    let state = log.state();
    let candidates = candidates(state, &project, arguments.last)?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let bar = Bar::new("hash");
    let folder = Folder::read(&arguments.path, threads, &bar)?;
    drop(bar);
    let identified = identify(&client, &project, &candidates, &folder).await?;
    let heads = state.channels(&project);
    let heads = heads.filter(|head| head.hash == identified.hash);
    let report = IdentifyReport {
        exact: identified.is_exact(),
        channels: heads.map(|head| head.channel.clone()).collect(),
        hash: identified.hash,
        revision: identified.revision,
        same: identified.same,
        differences: identified.differences,
        project,
    };
    if arguments.json {
        stdout::json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(if report.exact {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FailureKind::Failed.exit_status())
    })
}

fn print(report: &IdentifyReport) -> Result<(), Failure> {
    for difference in &report.differences {
        stdout::line(format_args!(
            "{:<10} {}",
            difference.difference,
            escape(&difference.path)
        ))?;
    }
    let channels: Vec<_> = report.channels.iter().map(ChannelName::as_str).collect();
    let channels = match channels.as_slice() {
        [] => String::new(),
        channels => format!(", on {}", channels.join(", ")),
    };
    let (nearness, how_near) = if report.exact {
        ("exactly", String::new())
    } else {
        let (same, different) = (report.same, report.differences.len());
        (
            "nearest to",
            format!(": {same} the same, {different} different"),
        )
    };
    stderr::say(format_args!(
        "{nearness} {} of {}, revision {}{channels}{how_near}",
        report.hash.short(),
        report.project,
        short_revision(&report.revision),
    ));
    Ok(stdout::line(report.hash)?)
}
