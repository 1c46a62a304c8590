//! Data on stdout, talk on stderr. A reader that goes away (`bulla history | head`) is no failure.

use std::fmt::Display;
use std::io::{self, Write as _};

use bulla_schemas::Name;
use bulla_schemas::escape::escape;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde::Serialize;

use super::failure::Failure;

/// Prints one line of data.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    write(&format!("{text}\n"))
}

/// Prints a document as JSON, for programs.
pub(super) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::io("cannot write JSON", error.into()))?;
    line(text)
}

/// Says something to the person.
pub(super) fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Begins a table that fits the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// Prints a table without trailing spaces. On a terminal that is too narrow the columns at `wraps`
/// get more lines; the others are short, and would be hard to read in pieces.
pub(super) fn print_table(table: &mut Table, wraps: &[usize]) -> Result<(), Failure> {
    /// Least characters of a column that wraps.
    const LEAST: u16 = 16;
    let is_terminal = table.width().is_some();
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if is_terminal {
            column.set_constraint(if wraps.contains(&position) {
                ColumnConstraint::LowerBoundary(Width::Fixed(LEAST))
            } else {
                ColumnConstraint::ContentWidth
            });
        }
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    line(lines.join("\n"))
}

/// Prints text as it is.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::io("cannot write to stdout", error)),
    }
}

/// Joins names for a table.
pub(super) fn names(names: &[Name]) -> String {
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    names.join(", ")
}

/// Makes text of others fit for a terminal.
pub(super) fn text(untrusted: &str) -> String {
    escape(untrusted)
}

/// Writes a number of bytes as people read it: `18.7 MB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut tenths = u128::from(count) * 10 / 1000;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_bytes_with_one_decimal() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (18_734_592, "18.7 MB"),
            (999_999, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (u64::MAX, "18446744.0 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
