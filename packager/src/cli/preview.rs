//! What moving a channel changes, for people.

use bulla_schemas::HostName;
use bulla_schemas::api::{Change, ChangeKind, InstallChanges, NameChanges};
use bulla_schemas::install::Command;
use bulla_schemas::line::few;
use bulla_schemas::period::Period;
use bulla_schemas::release::short_revision;
use bulla_schemas::report::{ContainsLive, Dropped, PassedOver, Preview, ProposalReport};
use bulla_schemas::statement::{Build, Waves};
use bulla_terminal::{bytes, count, stderr};

use super::changes::names;

/// Most paths that are named; `bulla diff` names all.
const MOST_PATHS: usize = 10;
/// Most servers that are named.
const MOST_SERVERS: usize = 5;

/// Says it; `takes_out` is the word for what is live and goes.
pub(super) fn say(report: &ProposalReport, takes_out: &str) {
    for PassedOver { hash, reason } in &report.passed_over {
        stderr::say(format_args!(
            "passing over {}, which the registry does not have any more: {reason}; servers that have it on \
             their disk go back to it with `--to {} --despite-missing`",
            hash.short(),
            hash.short()
        ));
    }
    match (&report.preview, &report.not_compared) {
        (Some(preview), _) => {
            say_what(report, preview);
            say_files(preview);
            say_install(&preview.install);
        }
        (None, why) => stderr::say(format_args!(
            "{} {}: -> {}, not compared: {}",
            report.project,
            report.channel,
            report.hash.short(),
            why.as_deref().unwrap_or_default()
        )),
    }
    say_rollout(report);
    say_servers(report);
    match report.contains_live {
        ContainsLive::No => {
            stderr::say(format_args!("  {takes_out}:"));
            report.dropped.iter().for_each(say_dropped);
            if let Some(commits) = report.dropped_commits
                && commits > report.dropped.len() as u64
            {
                let commits = count(commits, "commit", "commits");
                stderr::say(format_args!("    {commits} in all"));
            }
        }
        ContainsLive::Unknown => {
            let why = report.unknown_because.as_deref().unwrap_or_default();
            stderr::say(format_args!("  may take out, unknown: {why}"));
            report.dropped.iter().for_each(say_dropped);
        }
        ContainsLive::Yes => {}
    }
}

fn say_rollout(report: &ProposalReport) {
    if let Some(waves) = report.waves {
        let further = match waves {
            Waves::Manual => format!("with `bulla wave next {} -m TEXT`", report.channel),
            Waves::Every(interval) => format!("{interval} later"),
        };
        let servers = report.servers.iter();
        let servers: Vec<_> = servers
            .map(|step| format!("{} in wave {}", step.servers, step.wave))
            .collect();
        let servers = match servers.as_slice() {
            [] => String::new(),
            servers => format!("; servers: {}", servers.join(", ")),
        };
        stderr::say(format_args!(
            "  waves: wave 1 at once, each further wave {further}{servers}"
        ));
    }
    match report.urgent {
        Some(true) => stderr::say("  urgent: servers do not wait for their maintenance windows"),
        Some(false) => stderr::say("  servers wait for their maintenance windows"),
        None => {}
    }
}

/// Says what servers have reported about a release that the channel is to go back to.
fn say_servers(report: &ProposalReport) {
    let named = |hosts: &[HostName]| few(hosts, MOST_SERVERS, ", ", ", and");
    let release = report.hash.short();
    if !report.failed_on.is_empty() {
        let failed = &report.failed_on;
        let servers = count(failed.len() as u64, "server", "servers");
        stderr::say(format_args!(
            "  {release} failed before on {servers} ({}), and is tried there again",
            named(failed)
        ));
    }
    if !report.waiting.is_empty() {
        let waiting = &report.waiting;
        let wait = "servers wait for their waves";
        let wait = count(waiting.len() as u64, "server waits for its wave", wait);
        stderr::say(format_args!(
            "  {wait}, as {release} was promoted ({})",
            named(waiting)
        ));
    }
    if let Some(why) = &report.not_asked {
        stderr::say(format_args!(
            "  where it failed and who would wait could not be asked: {why}"
        ));
    }
}

fn say_what(report: &ProposalReport, preview: &Preview) {
    let from = preview
        .from
        .map_or_else(|| "nothing yet".to_owned(), |hash| hash.short());
    let reproduced = match preview.reproduced_by.as_slice() {
        [] => String::new(),
        others => format!(", reproduced by {}", names(others)),
    };
    stderr::say(format_args!(
        "{} {}: {from} -> {} ({}), built by {}{reproduced}",
        report.project,
        report.channel,
        report.hash.short(),
        short_revision(&preview.revision),
        names(&preview.built_by),
    ));
    if preview.build == Build::NoSandbox {
        stderr::say("  warning: it was built without a sandbox");
    }
}

fn say_dropped(dropped: &Dropped) {
    stderr::say(format_args!("    {dropped}"));
}

fn say_files(preview: &Preview) {
    let totals = &preview.totals;
    stderr::say(format_args!(
        "  files: {} added, {} removed, {} changed; {} -> {}",
        totals.added,
        totals.removed,
        totals.paths() - totals.added - totals.removed,
        bytes(totals.bytes_before),
        bytes(totals.bytes_after)
    ));
    // The first release is all new.
    let Some(from) = preview.from else {
        return;
    };
    for change in preview.changes.iter().take(MOST_PATHS) {
        stderr::say(format_args!("    {}", line(change)));
    }
    if let Some(more @ 1..) = preview.changes.len().checked_sub(MOST_PATHS) {
        stderr::say(format_args!(
            "    and {more} more: bulla diff {} {}",
            from.short(),
            preview.to.short()
        ));
    }
}

/// Writes one difference as `+ path (size)`.
fn line(change: &Change) -> String {
    let path = &change.path;
    let sizes = [&change.before, &change.after].map(|side| side.as_ref().and_then(|s| s.size));
    let sizes: Vec<_> = sizes.into_iter().flatten().map(bytes).collect();
    let sizes = match sizes.as_slice() {
        [] => String::new(),
        sizes => format!(" ({})", sizes.join(" -> ")),
    };
    match change.change {
        ChangeKind::Added => format!("+ {path}{sizes}"),
        ChangeKind::Removed => format!("- {path}{sizes}"),
        ChangeKind::Changed => format!("~ {path}{sizes}"),
        ChangeKind::Mode => format!("~ {path} (executable bit)"),
        ChangeKind::Link => format!("~ {path} (link)"),
        ChangeKind::Kind => format!("~ {path} (another kind of entry)"),
    }
}

fn say_install(install: &InstallChanges) {
    for change in &install.hooks {
        let command = |command: &Option<Command>| {
            let words = command.as_ref().map(Command::arguments);
            words.map_or_else(|| "none".to_owned(), |words| words.join(" "))
        };
        stderr::say(format_args!(
            "  hook {}: {} -> {}",
            change.hook,
            command(&change.before),
            command(&change.after)
        ));
    }
    if let Some(timeout) = &install.hook_timeout {
        let (before, after) = (in_words(timeout.before), in_words(timeout.after));
        stderr::say(format_args!("  hook timeout: {before} -> {after}"));
    }
    say_names("persistent path", "", &install.persist);
    say_names(
        "environment",
        ", which must be set on the servers",
        &install.environment,
    );
    if let Some(health) = &install.health {
        let what = match (&health.before, &health.after) {
            (None, _) => "new",
            (_, None) => "no longer checked",
            _ => "changed",
        };
        stderr::say(format_args!("  health checks: {what}"));
    }
}

fn in_words(timeout: Option<Period>) -> String {
    timeout.map_or_else(|| "the usual".to_owned(), |timeout| timeout.to_string())
}

fn say_names<T: AsRef<str>>(what: &str, note: &str, names: &NameChanges<T>) {
    for name in &names.added {
        stderr::say(format_args!("  {what}: + {}{note}", name.as_ref()));
    }
    for name in &names.removed {
        stderr::say(format_args!("  {what}: - {}", name.as_ref()));
    }
}
