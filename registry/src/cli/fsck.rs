//! `bulla-registry fsck`: reads everything again, also while the registry runs.

use std::sync::Arc;

use bulla_schemas::ProjectName;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::{Damage, DamagedRelease, FsckReport};
use bulla_terminal::{Bar, Failure, Table, bytes, count, stderr, stdout};

use super::data::{Data, clock};
use crate::keep::{Asked, fsck};

/// Read everything that is stored again, and say what is damaged
///
/// Content, records and the index over them, the log and the database. Of each damage it says which
/// releases cannot be fetched because of it, and what to do. It runs beside the server, and ends with
/// status 1 where something is damaged and stays so.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look at the content of these projects only; the log and the database are always looked at
    #[arg(value_name = "PROJECT")]
    projects: Vec<ProjectName>,
    /// Put right what can be: content whose frames lie elsewhere, the index, tiles of the log. Move
    /// other damaged content to `damaged/`, so that the next push brings it back
    #[arg(long)]
    repair: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.existing()?;
    let asked = Asked {
        projects: arguments.projects,
        is_repair: arguments.repair,
    };
    let bar = Arc::new(Bar::new("read"));
    let report = fsck(root, asked, &clock(), Arc::clone(&bar) as _).await;
    bar.finish();
    let report = report?;
    if arguments.json {
        stdout::json(&report)?;
    } else if !report.damages.is_empty() {
        table(&report).print()?;
    }
    let left = report.damages.iter().filter(|damage| !damage.repaired);
    let (left, all) = (left.count() as u64, report.damages.len() as u64);
    let read = format!(
        "read {} of content and {} of the log",
        bytes(report.checked),
        count(report.entries, "entry", "entries")
    );
    if left > 0 {
        let damages = count(left, "damage is left", "damages are left");
        return Err(Failure::new(
            FailureKind::Failed,
            format_args!("{read}: {damages}"),
        ));
    }
    match all {
        0 => stderr::say(format_args!("{read}: all as it was written")),
        all => stderr::say(format_args!(
            "{read}: {} repaired",
            count(all, "damage is", "damages are")
        )),
    }
    Ok(())
}

fn table(report: &FsckReport) -> Table {
    let mut table = Table::new(&["DAMAGED", "PROJECT", "FOUND"]).wrap(&["PROJECT", "FOUND"]);
    for damage in &report.damages {
        let project = damage.project.as_ref().map(ToString::to_string);
        table.row([
            damage.kind.to_string(),
            project.unwrap_or_default(),
            sentence(damage),
        ]);
        let next = match &damage.hint {
            _ if damage.repaired => "repaired".to_owned(),
            Some(hint) => format!("hint: {hint}"),
            None => continue,
        };
        table.row([String::new(), String::new(), next]);
    }
    table
}

/// Says what is wrong, and what that means for people.
fn sentence(damage: &Damage) -> String {
    let found = &damage.found;
    if damage.releases.is_empty() {
        return found.clone();
    }
    let releases = damage.releases.iter().map(name).collect::<Vec<_>>();
    let cannot = if damage.repaired {
        "could not"
    } else {
        "cannot"
    };
    format!(
        "{found}; {} {cannot} be fetched whole: {}",
        count(releases.len() as u64, "release", "releases"),
        releases.join(", ")
    )
}

fn name(release: &DamagedRelease) -> String {
    let channels: Vec<_> = release.channels.iter().map(ToString::to_string).collect();
    match &channels[..] {
        [] => release.hash.short(),
        channels => format!("{} ({})", release.hash.short(), channels.join(", ")),
    }
}
