//! A diff as tables: one row for each path, then what differs in how to install.

use std::fmt::Display;

use bulla_schemas::api::{Diff, InstallChanges, NameChanges};
use bulla_schemas::install::{Command, Health};
use bulla_schemas::period::Period;
use bulla_terminal::{Failure, Table, bytes, count, stderr, stdout};

use super::super::changes::{side, word};

pub(super) fn print(diff: &Diff) -> Result<(), Failure> {
    if !diff.changes.is_empty() {
        print_changes(diff)?;
    }
    if !diff.changes.is_empty() && !diff.install.is_empty() {
        stdout::line("")?;
    }
    if !diff.install.is_empty() {
        print_install(&diff.install)?;
    }
    match diff.totals.paths() {
        0 => stderr::say(format_args!("no path differs")),
        paths => stderr::say(count(paths, "path differs", "paths differ")),
    }
    Ok(())
}

fn print_changes(diff: &Diff) -> Result<(), Failure> {
    let mut table = Table::new(&["CHANGE", "PATH", "BEFORE", "AFTER"]).wrap(&["PATH"]);
    for change in &diff.changes {
        table.row([
            word(change.change).to_owned(),
            change.path.to_string(),
            side(change, change.before.as_ref()),
            side(change, change.after.as_ref()),
        ]);
    }
    let totals = &diff.totals;
    let counts = [
        (totals.added, "added"),
        (totals.removed, "removed"),
        (totals.changed, "changed"),
        (totals.mode, "with another mode"),
        (totals.link, "with another target"),
        (totals.kind, "of another kind"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    table.row([
        "total".to_owned(),
        counts.join(", "),
        bytes(totals.bytes_before),
        bytes(totals.bytes_after),
    ]);
    Ok(table.print()?)
}

fn print_install(install: &InstallChanges) -> Result<(), Failure> {
    let mut table = Table::new(&["INSTALL", "BEFORE", "AFTER"]).wrap(&["BEFORE", "AFTER"]);
    let mut row = |name: String, before: String, after: String| {
        table.row([name, before, after]);
    };
    add_names("persist", &install.persist, &mut row);
    add_names("environment", &install.environment, &mut row);
    for hook in &install.hooks {
        let command = |command: &Option<Command>| match command {
            None => String::new(),
            Some(command) => command.arguments().join(" "),
        };
        row(
            format!("hook {}", hook.hook),
            command(&hook.before),
            command(&hook.after),
        );
    }
    if let Some(timeout) = &install.hook_timeout {
        let period =
            |period: Option<Period>| period.map_or_else(String::new, |period| period.to_string());
        row(
            "hook timeout".to_owned(),
            period(timeout.before),
            period(timeout.after),
        );
    }
    if let Some(health) = &install.health {
        let checks = |health: &Option<Health>| match health {
            None => String::new(),
            Some(health) => serde_json::to_string(health).unwrap_or_default(),
        };
        row(
            "health".to_owned(),
            checks(&health.before),
            checks(&health.after),
        );
    }
    Ok(table.print()?)
}

fn add_names<T: Display>(
    what: &str,
    changes: &NameChanges<T>,
    row: &mut impl FnMut(String, String, String),
) {
    for name in &changes.removed {
        row(what.to_owned(), name.to_string(), String::new());
    }
    for name in &changes.added {
        row(what.to_owned(), String::new(), name.to_string());
    }
}
