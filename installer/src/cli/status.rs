//! `bulla-installer status [PROJECT]`

use std::process::ExitCode;

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::units::count;
use bulla_schemas::{Digest, ProjectName};
use bulla_terminal::{Failure, Table, stderr, stdout};
use clap::Args;

use super::clock;
use super::host::Host;
use super::socket::SocketArguments;
use crate::agent::Question;
use crate::operation::{ProjectStatus, status};
use crate::site::{Command, Server};
use crate::state::{Hold, HoldKind};
use crate::tree::compare::in_words;

/// Show what is live, as it was found on this disk
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project; without it all that were ever installed here or are followed
    project: Option<ProjectName>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArguments,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let found = status(
            host.server(),
            host.config(),
            self.project.as_ref(),
            clock::now(),
        )?;
        self.print(found, host.server())
    }

    /// Prints what the agent says.
    pub(super) fn ask(&self, host: &Host) -> Result<ExitCode, Failure> {
        let server = host.server();
        let mut found: Vec<ProjectStatus> = self.socket.ask(&Question::Status, server)?;
        if let Some(project) = &self.project {
            found.retain(|status| status.project == *project);
            if found.is_empty() {
                let message = format!("`{project}` was never installed on this server");
                return Err(Failure::new(FailureKind::Failed, message));
            }
        }
        self.print(found, server)
    }

    fn print(&self, mut found: Vec<ProjectStatus>, server: &Server) -> Result<ExitCode, Failure> {
        for status in &mut found {
            status.problem = status.problem.take().map(|text| server.complete(&text));
        }
        if self.json {
            stdout::json(&found)?;
            return Ok(ExitCode::SUCCESS);
        }
        let header = [
            "PROJECT",
            "CHANNEL",
            "LIVE",
            "HEAD",
            "STATE",
            "TREE",
            "ACTIVATED",
            "LOG READ",
        ];
        let mut table = Table::new(&header);
        for status in &found {
            table.row(row(status));
        }
        table.print()?;
        // All projects are of one log.
        if let Some(unread) = found.iter().find_map(|status| status.unread.as_ref()) {
            stderr::say(format_args!(
                "the agent has not been able to read the log since {}; it asked {}, last at {}: {}",
                unread.since,
                count(unread.times, "time", "times"),
                unread.last_at,
                unread.reason
            ));
        }
        let behind = found.first().map_or(&[][..], |status| &status.behind);
        for registry in behind {
            stderr::say(format_args!(
                "{} is {} behind the log that is followed, since {} at least",
                registry.url,
                count(registry.entries, "entry", "entries"),
                registry.since
            ));
        }
        for status in &found {
            notes(status, server);
        }
        Ok(ExitCode::SUCCESS)
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
            None if status.live.is_some() => "unknown".to_owned(),
            None => none(),
            Some([]) => "intact".to_owned(),
            Some(differences) => count(differences.len() as u64, "difference", "differences"),
        },
        time(status.activated_at),
        time(status.synced_at),
    ]
}

fn notes(status: &ProjectStatus, server: &Server) {
    let project = &status.project;
    if let Some(problem) = &status.problem {
        stderr::say(format_args!("{project}: {problem}"));
    }
    if let Some(hold) = &status.hold {
        stderr::say(format_args!(
            "{project}: {} since {}{}{}; {}",
            held(hold),
            hold.since,
            hold.by
                .as_ref()
                .map_or_else(String::new, |by| format!(" by {by}")),
            hold.reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}")),
            ends(hold, project, server),
        ));
    }
    if let (Some(waiting), Some(head)) = (&status.waiting, status.head) {
        let now = Command::new(format!("install {project} --now"));
        let way_out = if waiting.is_paused {
            "nothing on this server changes that".to_owned()
        } else {
            format!("{} does not wait", typed(&now, server))
        };
        stderr::say(format_args!(
            "{project}: {} {}; {way_out}",
            head.short(),
            waiting.reason,
        ));
    }
    if let Some(stale) = &status.stale {
        let anyway = Command::new(format!("install {project} --allow-stale"));
        stderr::say(format_args!(
            "{project}: nothing new is installed: {stale}; {} goes on all the same",
            typed(&anyway, server)
        ));
    }
    if let Some(drained) = &status.drained {
        let again = if status.failure.is_some() {
            "a release that works brings it back".to_owned()
        } else {
            let install = Command::new(format!("install {project}"));
            format!("{} tries again, as the agent does", typed(&install, server))
        };
        stderr::say(format_args!(
            "{project}: this server may be out of its load balancer since {}{}; {again}",
            drained.since,
            because(drained.reason.as_deref()),
        ));
    }
    if let Some(failure) = &status.failure {
        stderr::say(format_args!(
            "{project}: the live release failed: {failure}"
        ));
    }
    failures(status, server);
    for missing in &status.missing {
        stderr::say(format_args!("{project}: {missing}"));
    }
    for leftover in &status.leftovers {
        stderr::say(format_args!("{project}: {leftover}"));
    }
    let differences = status.differences.as_deref().unwrap_or_default();
    if !differences.is_empty() {
        stderr::say(format_args!(
            "{project}: the live tree differs from the release: {}",
            in_words(differences)
        ));
    }
    for tree in &status.set_aside {
        let command = Command::new(format!("set-aside remove {project} {}", tree.name));
        stderr::say(format_args!(
            "{project}: a changed tree of {} is set aside in `{}`; {} removes it",
            tree.hash.short(),
            tree.path.display(),
            typed(&command, server),
        ));
    }
}

/// Names what failed, the newest first.
fn failures(status: &ProjectStatus, server: &Server) {
    let project = &status.project;
    // No release was made live since.
    let attempt = status.attempt.iter().map(|failed| {
        let what = format!("{} could not be made live", failed.hash.short());
        (failed.failed_at, failed.number, what, &failed.reason)
    });
    let mut quarantine: Vec<_> = status.quarantine.iter().collect();
    quarantine.sort_by_key(|failed| std::cmp::Reverse(failed.number));
    let failed = quarantine.into_iter().map(|failed| {
        let what = format!("{} failed here", failed.hash.short());
        (failed.failed_at, Some(failed.number), what, &failed.reason)
    });
    for (at, number, what, reason) in attempt.chain(failed) {
        let written = number.map(|number| {
            let command = Command::new(format!("history {project} --output {number}"));
            format!("; {} shows what was written", typed(&command, server))
        });
        let written = written.unwrap_or_default();
        stderr::say(format_args!("{project}: {what} at {at}: {reason}{written}"));
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn held(hold: &Hold) -> String {
    let hash = hold.hash.short();
    match hold.kind {
        HoldKind::Rollback => format!("held on {hash}, rolled back from {}", hold.left.short()),
        HoldKind::Hold => format!("held on {hash}"),
        HoldKind::Pin => format!("pinned to {hash}"),
    }
}

fn ends(hold: &Hold, project: &ProjectName, server: &Server) -> String {
    let release = typed(&Command::new(format!("release {project}")), server);
    match hold.kind {
        HoldKind::Rollback => format!("a newer promotion ends the hold, or {release}"),
        HoldKind::Hold | HoldKind::Pin => format!("{release} ends that"),
    }
}

fn typed(command: &Command, server: &Server) -> String {
    server.complete(&command.to_string())
}

fn none() -> String {
    "-".to_owned()
}
