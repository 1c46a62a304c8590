//! Tables without lines, for people. They fit the terminal: long columns wrap, and where even that
//! is not enough each row becomes a paragraph of its own.

use std::fmt::{Display, Write as _};
use std::io;

use bulla_schemas::escape::escape;
use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};

use crate::stdout::{self, OutputError};
use crate::width::{USUAL, columns, lines};

/// Least characters of a column that wraps.
const LEAST: u16 = 16;
/// Spaces between two columns.
const GAP: u16 = 2;

/// A table that is being filled. Every cell is escaped.
#[derive(Debug)]
pub struct Table {
    header: Vec<&'static str>,
    wraps: Vec<&'static str>,
    /// How wide it may be where there is no terminal.
    most: Option<u16>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins a table with the names of its columns, in capitals.
    pub fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            wraps: Vec::new(),
            most: None,
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

    /// Has the table be as narrow as a usual terminal where it is written into a file or a pipe, too: for
    /// what holds sentences more than values, and which no program reads by its lines.
    #[must_use]
    pub const fn narrow(mut self) -> Self {
        self.most = Some(USUAL);
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
        stdout::write(&self.text(columns(&io::stdout()).or(self.most)))
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
    fn a_table_of_sentences_is_narrow_in_a_pipe_too() {
        let table = history().narrow();
        assert_eq!(table.most, Some(80));
        let widest = table.text(table.most);
        assert!(
            widest.lines().all(|line| line.chars().count() <= 80),
            "{widest}"
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
