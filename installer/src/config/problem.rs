//! What is wrong in a host file, and where.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What was expected, and what was found.
    pub message: String,
    /// The line's text, as far as a person needs it.
    pub text: String,
}

impl Problem {
    /// Longest part of a line that is shown.
    const SHOWN: usize = 160;

    /// Describes what is wrong at a byte of a text.
    pub(super) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |position| position + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        Self {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[start..].chars().count(),
            message: message.into(),
            text: line.trim().chars().take(Self::SHOWN).collect(),
        }
    }

    /// Describes an error of the TOML reader.
    pub(super) fn of_error(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        Self::at(text, offset, error.message())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )?;
        if self.text.is_empty() {
            return Ok(());
        }
        write!(formatter, "\n{} | {}", self.line, self.text)
    }
}
