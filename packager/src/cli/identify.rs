//! `bulla identify`: which release a directory is.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::{ChannelName, ProjectName};
use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::output;
use super::progress::Bar;
use super::session::Session;
use crate::identify::{DifferenceKind, Folder, Identified, candidates, identify};

/// Names the release that a directory is, or is nearest to, and what differs.
///
/// For a server folder that was copied by hand, an installed release, a checkout. Persistent
/// paths do not count. Exit status 0 when nothing differs, 1 when something does.
#[derive(Debug, Args)]
pub(super) struct IdentifyArguments {
    /// The directory.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// How many of the project's newest releases are compared; heads of channels always are.
    #[arg(long, value_name = "N", default_value = "100")]
    last: usize,
    /// Shows it as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found, as `--json` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    project: &'a ProjectName,
    exact: bool,
    /// The channels that point to it.
    channels: Vec<&'a ChannelName>,
    #[serde(flatten)]
    identified: &'a Identified,
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
    let shown = Shown {
        project: &project,
        exact: identified.is_exact(),
        channels: heads.map(|head| &head.channel).collect(),
        identified: &identified,
    };
    if arguments.json {
        output::json(&shown)?;
    } else {
        print(&shown)?;
    }
    Ok(if shown.exact {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FailureKind::Failed.exit_status())
    })
}

fn print(shown: &Shown<'_>) -> Result<(), Failure> {
    let Identified {
        hash,
        revision,
        same,
        differences,
    } = shown.identified;
    for difference in differences {
        let word = match difference.difference {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Extra => "extra",
            DifferenceKind::Changed => "changed",
            DifferenceKind::Mode => "mode",
            DifferenceKind::Kind => "kind",
            DifferenceKind::Unreadable => "unreadable",
        };
        output::line(format_args!(
            "{word:<10} {}",
            output::text(&difference.path)
        ))?;
    }
    let channels: Vec<_> = shown.channels.iter().map(|name| name.as_str()).collect();
    let channels = match channels.as_slice() {
        [] => String::new(),
        channels => format!(", on {}", channels.join(", ")),
    };
    let (nearness, how_near) = if shown.exact {
        ("exactly", String::new())
    } else {
        let different = differences.len();
        (
            "nearest to",
            format!(": {same} the same, {different} different"),
        )
    };
    output::say(format_args!(
        "{nearness} {} of {}, revision {}{channels}{how_near}",
        hash.short(),
        shown.project,
        output::text(revision),
    ));
    output::line(hash)
}
