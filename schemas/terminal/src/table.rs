//! Tables without lines, for people. They fit the terminal: long columns wrap, and where even that
//! is not enough each row becomes a paragraph of its own.

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use bulla_schemas::escape::escape;
use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};
use terminal_size::terminal_size_of;

use crate::stdout::{self, OutputError};

/// How wide a terminal is that does not say so, as those of serial lines and of some programs.
const USUAL: u16 = 80;
/// Least characters of a column that wraps.
const LEAST: u16 = 16;
/// Spaces between two columns.
const GAP: u16 = 2;

/// A table that is being filled. Every cell is escaped.
#[derive(Debug)]
pub struct Table {
    header: Vec<&'static str>,
    wraps: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins a table with the names of its columns, in capitals.
    pub fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            wraps: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Lets columns wrap that hold sentences or paths. The others are short, and would be hard to
    /// read in pieces.
    #[must_use]
    pub fn wrap(mut self, columns: &[&'static str]) -> Self {
        self.wraps.extend_from_slice(columns);
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Display>) {
        let cells = cells.into_iter().map(|cell| escape(&cell.to_string()));
        self.rows.push(cells.collect());
    }

    /// Tells whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints the table, as wide as the terminal when stdout is one.
    pub fn print(&self) -> Result<(), OutputError> {
        stdout::write(&self.text(columns(&io::stdout())))
    }

    /// Returns the table for stderr, as wide as the terminal when that is one.
    pub fn for_stderr(&self) -> String {
        self.text(columns(&io::stderr()))
    }

    fn text(&self, columns: Option<u16>) -> String {
        let table = self.layout(columns);
        if let Some(columns) = columns
            && self.least_width(&table) > columns
        {
            return self.paragraphs(columns.into());
        }
        table.lines().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{}", line.trim_end());
            text
        })
    }

    fn layout(&self, columns: Option<u16>) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(&self.header);
        for row in &self.rows {
            table.add_row(row);
        }
        if let Some(columns) = columns {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(columns);
        } else {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        let last = self.header.len().saturating_sub(1);
        let narrowest = self.least_widths(&table);
        for (position, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if position == last { 0 } else { GAP }));
            column.set_constraint(if self.is_wrapping(position) {
                ColumnConstraint::LowerBoundary(Width::Fixed(narrowest[position]))
            } else {
                ColumnConstraint::ContentWidth
            });
        }
        table
    }

    fn is_wrapping(&self, position: usize) -> bool {
        self.wraps.contains(&self.header[position])
    }

    /// Returns how many characters the table takes when everything wraps that may.
    fn least_width(&self, table: &comfy_table::Table) -> u16 {
        let gaps = GAP.saturating_mul(u16::try_from(self.header.len()).unwrap_or(u16::MAX) - 1);
        let least = self.least_widths(table).into_iter();
        least.fold(gaps, u16::saturating_add)
    }

    /// Returns how many characters each column takes at least: its content, where it is short or
    /// does not wrap.
    fn least_widths(&self, table: &comfy_table::Table) -> Vec<u16> {
        let widths = table.column_max_content_widths().into_iter();
        widths
            .enumerate()
            .map(|(position, width)| {
                if self.is_wrapping(position) {
                    width.min(LEAST)
                } else {
                    width
                }
            })
            .collect()
    }

    fn paragraphs(&self, columns: usize) -> String {
        let names = self.header.iter().map(|name| name.chars().count());
        let width = names.max().unwrap_or_default() + usize::from(GAP);
        let mut text = String::new();
        for row in &self.rows {
            if !text.is_empty() {
                text.push('\n');
            }
            for (name, cell) in self.header.iter().zip(row) {
                let mut name = *name;
                for line in lines(cell, columns.saturating_sub(width)) {
                    let _ = writeln!(text, "{name:<width$}{line}");
                    name = "";
                }
            }
        }
        text
    }
}

/// Returns how wide a stream is, where it is a terminal.
fn columns(stream: &(impl AsFd + IsTerminal)) -> Option<u16> {
    let size = terminal_size_of(stream.as_fd());
    let usual = || stream.is_terminal().then_some(USUAL);
    size.map(|(columns, _)| columns.0).or_else(usual)
}

/// Cuts a cell between its words into lines of so many characters; a longer word has a line of its
/// own, so that a path can still be copied.
fn lines(cell: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in cell.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> Table {
        let mut table = Table::new(&["HASH", "WHEN", "REASON"]).wrap(&["REASON"]);
        let reason = "a reason of several words, as people write them";
        table.row(["9f2c81aa0c1d", "2026-11-28T06:39:49Z", reason]);
        table.row(["8d10aabb0c1d", "2026-11-27T06:39:49Z", "\u{1b}[31mred"]);
        table
    }

    #[test]
    fn where_nothing_limits_it_every_row_is_one_line() {
        assert_eq!(
            history().text(None),
            "HASH          WHEN                  REASON\n\
             9f2c81aa0c1d  2026-11-28T06:39:49Z  a reason of several words, as people write them\n\
             8d10aabb0c1d  2026-11-27T06:39:49Z  \\u{1b}[31mred\n"
        );
    }

    #[test]
    fn on_a_terminal_long_columns_wrap_and_no_line_is_wider() {
        let text = history().text(Some(60));
        assert_eq!(
            text,
            "HASH          WHEN                  REASON\n\
             9f2c81aa0c1d  2026-11-28T06:39:49Z  a reason of several\n\
             \u{20}                                   words, as people write\n\
             \u{20}                                   them\n\
             8d10aabb0c1d  2026-11-27T06:39:49Z  \\u{1b}[31mred\n"
        );
    }

    #[test]
    fn on_a_narrow_terminal_every_row_is_a_paragraph() {
        assert_eq!(
            history().text(Some(40)),
            "HASH    9f2c81aa0c1d\n\
             WHEN    2026-11-28T06:39:49Z\n\
             REASON  a reason of several words, as\n\
             \u{20}       people write them\n\
             \n\
             HASH    8d10aabb0c1d\n\
             WHEN    2026-11-27T06:39:49Z\n\
             REASON  \\u{1b}[31mred\n"
        );
    }

    #[test]
    fn a_column_that_may_wrap_and_is_short_takes_no_more_than_it_has() {
        let mut table = Table::new(&["HASH", "WHY"]).wrap(&["WHY"]);
        table.row(["9f2c81aa0c1d", "a fix"]);
        let whole = table.text(None);
        assert_eq!(table.text(Some(19)), whole);
        assert_ne!(table.text(Some(18)), whole);
    }

    #[test]
    fn no_width_breaks_a_table() {
        for columns in 0..120 {
            let text = history().text(Some(columns));
            let widest = text.lines().map(|line| line.chars().count()).max();
            let is_table = text.starts_with("HASH          WHEN");
            // Nothing makes a time shorter.
            let fits = widest <= Some(columns.max(28).into());
            assert!(
                fits && (!is_table || widest <= Some(columns.into())),
                "{text}"
            );
        }
        assert_eq!(Table::new(&["A"]).text(Some(80)), "A\n");
    }
}
