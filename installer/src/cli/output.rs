//! How results look: data on stdout, talk on stderr, progress only on a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use bulla_bundle::Progress;
use bulla_schemas::escape::escape;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::observer::Observer;
use crate::operation::Candidate;

/// Writes lines of data. A reader that went away is no error.
pub(super) fn lines(lines: impl IntoIterator<Item = impl AsRef<str>>) {
    let mut stdout = io::stdout().lock();
    for line in lines {
        if writeln!(stdout, "{}", line.as_ref()).is_err() {
            return;
        }
    }
}

/// Writes data as JSON.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    lines([text]);
    Ok(())
}

/// Writes a table of data, without lines around it.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    lines([draw(header, rows)]);
}

/// Writes a sentence for a person.
pub(super) fn say(sentence: &str) {
    report(&format!("{}\n", escape(sentence)));
}

/// Writes talk that is escaped already.
pub(super) fn report(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Lists releases that a person may want instead.
pub(super) fn candidates(candidates: &[Candidate]) {
    if candidates.is_empty() {
        return;
    }
    let rows = candidates.iter().map(|candidate| {
        let place = match (candidate.revoked, candidate.on_disk) {
            (Some(_), _) => "revoked",
            (None, true) => "on this disk",
            (None, false) => "not on this disk",
        };
        vec![
            candidate.hash.short(),
            short_revision(&candidate.revision),
            candidate.channel.to_string(),
            candidate.activated_at.to_string(),
            place.to_owned(),
        ]
    });
    let header = ["HASH", "REVISION", "CHANNEL", "LAST ACTIVATED", "WHERE"];
    report(&format!("was live here before:\n{}\n", draw(&header, rows)));
}

/// Cuts a commit id for a table.
pub(super) fn short_revision(revision: &str) -> String {
    escape(&revision.chars().take(12).collect::<String>())
}

/// Writes a number of bytes as people read it.
pub(super) fn bytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// The exit status of a command that did what was asked.
pub(super) const DONE: ExitCode = ExitCode::SUCCESS;

fn draw(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| escape(cell)).collect::<Vec<_>>());
    }
    let text = table.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.join("\n")
}

/// Shows progress and notes on stderr.
pub(super) struct Terminal {
    bar: ProgressBar,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) =
            ProgressStyle::with_template("{bytes}/{total_bytes} {wide_bar} {bytes_per_sec}")
        {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Terminal {
    fn start(&self, total_bytes: Option<u64>) {
        if let Some(total) = total_bytes {
            self.bar.set_length(total);
        }
        self.bar.reset();
    }

    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Observer for Terminal {
    fn note(&self, sentence: &str) {
        self.bar.suspend(|| say(&format!("note: {sentence}")));
    }
}
