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
        Self::of_value(text, 0, error)
    }

    /// Describes an error of a value, which stands at a byte of the text.
    pub(super) fn of_value(text: &str, start: usize, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(start, |span| span.start);
        Self::at(text, offset, in_our_words(error.message()))
    }
}

impl Problem {
    /// Says it in one line, without that of the file.
    pub(crate) fn in_a_line(&self) -> String {
        let Self {
            line,
            column,
            message,
            ..
        } = self;
        format!("line {line}, column {column}: {message}")
    }
}

/// Says of a value of the wrong type what a person would call both: serde names types of Rust.
fn in_our_words(message: &str) -> String {
    let wrong = ["invalid type: ", "invalid value: "];
    let rest = wrong.iter().find_map(|begin| message.strip_prefix(begin));
    let Some((found, expected)) = rest.and_then(|rest| rest.split_once(", expected ")) else {
        return message.to_owned();
    };
    let expected = match expected {
        "a string" | "string" | "str" => "text in quotes",
        "a boolean" | "bool" => "`true` or `false`",
        "a sequence" => "a list in brackets",
        "a map" => "a table",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number without quotes"
        }
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("enum ") => "one of its words in quotes",
        other => other,
    };
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let found = match kind {
        "string" => format!("the text {value}"),
        "integer" => format!("the number {}", value.trim_matches('`')),
        "floating" => {
            let number = value.trim_start_matches("point ");
            format!("the number {}", number.trim_matches('`'))
        }
        "boolean" => value.to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        _ => found.to_owned(),
    };
    format!("expected {expected}, found {found}")
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.in_a_line())?;
        if self.text.is_empty() {
            return Ok(());
        }
        write!(formatter, "\n{} | {}", self.line, self.text)
    }
}
