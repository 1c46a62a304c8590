//! `bulla-registry du`: what projects and releases take on the disk, also while the registry runs.

use bulla_schemas::ProjectName;
use bulla_schemas::report::{FrameAge, ReleaseUsage, UsageReport};
use bulla_terminal::{Failure, Table, bytes, stdout};

use super::data::{Data, clock};
use crate::blocking::blocking;
use crate::error::RegistryError;
use crate::keep::usage;

/// Show what projects and releases take on the disk
///
/// APPARENT is what clients see: whole blobs and manifests. REAL is what is stored of that, each
/// frame once; projects and releases share some of it. ALONE is how much of that nothing else needs.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show the releases of this project, those first that need most alone
    project: Option<ProjectName>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.damaged()?.to_owned();
    let (project, now) = (arguments.project.clone(), clock().now());
    let report = blocking(move || usage(&root, project.as_ref(), now)).await;
    let mut report = report.map_err(RegistryError::from)?;
    if let Some(project) = &arguments.project {
        report.projects.retain(|row| row.project == *project);
        if report.projects.is_empty() {
            let project = project.clone();
            return Err(RegistryError::NoProject { project }.into());
        }
    }
    if arguments.json {
        return Ok(stdout::json(&report)?);
    }
    let releases = report.projects.iter().find_map(|row| row.releases.as_ref());
    if let Some(releases) = releases {
        return Ok(releases_table(releases).print()?);
    }
    projects_table(&report).print()?;
    stdout::line("")?;
    Ok(frames_table(&report.frames).print()?)
}

fn projects_table(report: &UsageReport) -> Table {
    let mut table = Table::new(&["PROJECT", "APPARENT", "REAL", "ALONE"]).wrap(&["PROJECT"]);
    for row in &report.projects {
        let sizes = [row.apparent, row.real, row.alone].map(bytes);
        table.row([row.project.to_string()].into_iter().chain(sizes));
    }
    let mut total = |name: &str, apparent: String, real: u64| {
        table.row([name.to_owned(), apparent, bytes(real), String::new()]);
    };
    total("all projects", bytes(report.apparent), report.real);
    if report.unused > 0 {
        total("of that unused", String::new(), report.unused);
    }
    table
}

fn frames_table(frames: &[FrameAge]) -> Table {
    let mut table = Table::new(&["FRAMES STORED", "COUNT", "REAL"]);
    let oldest = frames.iter().filter_map(|age| age.days).max().unwrap_or(0);
    for age in frames {
        let stored = match age.days {
            Some(1) => "within a day".to_owned(),
            Some(days) => format!("within {days} days"),
            None => format!("more than {oldest} days ago"),
        };
        table.row([stored, age.count.to_string(), bytes(age.real)]);
    }
    table
}

fn releases_table(releases: &[ReleaseUsage]) -> Table {
    let mut table = Table::new(&["RELEASE", "TAGS", "APPARENT", "REAL", "ALONE"]).wrap(&["TAGS"]);
    for row in releases {
        let sizes = [row.apparent, row.real, row.alone].map(bytes);
        let names = [row.hash.short(), row.tags.join(", ")];
        table.row(names.into_iter().chain(sizes));
    }
    table
}
