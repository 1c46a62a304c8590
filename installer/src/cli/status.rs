//! `bulla-installer status [PROJECT]`

use std::process::ExitCode;

use bulla_schemas::{Digest, ProjectName};
use clap::Args;

use super::failure::Failure;
use super::output::{self, DONE};
use crate::operation::{ProjectStatus, status};
use crate::site::Server;
use crate::tree::compare::in_words;

/// Show what is live, as it was found on this disk
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project; without it all that were ever installed here
    project: Option<ProjectName>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        let found = status(server, self.project.as_ref())?;
        if self.json {
            output::json(&found)?;
            return Ok(DONE);
        }
        let header = [
            "PROJECT",
            "CHANNEL",
            "LIVE",
            "HEAD",
            "STANDING",
            "TREE",
            "ACTIVATED",
            "LOG READ",
        ];
        output::table(&header, found.iter().map(row));
        for status in &found {
            notes(status);
        }
        Ok(DONE)
    }
}

fn row(status: &ProjectStatus) -> Vec<String> {
    let short = |hash: Option<Digest>| hash.map_or_else(none, |hash| hash.short());
    let time =
        |time: Option<bulla_schemas::Timestamp>| time.map_or_else(none, |time| time.to_string());
    vec![
        status.project.to_string(),
        status
            .channel
            .as_ref()
            .map_or_else(none, ToString::to_string),
        short(status.live),
        short(status.head),
        status.standing.to_string(),
        match status.differences.as_deref() {
            None => none(),
            Some([]) => "intact".to_owned(),
            Some([_]) => "1 difference".to_owned(),
            Some(differences) => format!("{} differences", differences.len()),
        },
        time(status.activated_at),
        time(status.synced_at),
    ]
}

fn notes(status: &ProjectStatus) {
    let project = &status.project;
    if let Some(problem) = &status.problem {
        output::say(&format!("{project}: {problem}"));
    }
    if let Some(hold) = &status.hold {
        output::say(&format!(
            "{project}: held on {} since {}, rolled back from {}{}{}; `install` clears the hold",
            hold.hash.short(),
            hold.since,
            hold.left.short(),
            hold.by
                .as_ref()
                .map_or_else(String::new, |by| format!(" by {by}")),
            hold.reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}")),
        ));
    }
    for leftover in &status.leftovers {
        output::say(&format!("{project}: {leftover}"));
    }
    let differences = status.differences.as_deref().unwrap_or_default();
    if !differences.is_empty() {
        output::say(&format!(
            "{project}: the live tree differs from the release: {}",
            in_words(differences)
        ));
    }
    for tree in &status.set_aside {
        output::say(&format!(
            "{project}: a changed tree of {} is set aside in `{}`; \
             `bulla-installer set-aside remove` removes it",
            tree.hash.short(),
            tree.path.display()
        ));
    }
}

fn none() -> String {
    "-".to_owned()
}
