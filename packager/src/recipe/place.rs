//! Where in a recipe something stands.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key, as far as it is known, and its line and column, counted from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The keys from the top, joined by dots; empty for the file as a whole.
    pub key: String,
    /// The line; 0 when unknown.
    pub line: usize,
    /// The column in characters; 0 when unknown.
    pub column: usize,
}

impl Place {
    /// Returns where `error` was found.
    pub(super) fn of_error(text: &str, error: &toml::de::Error) -> Self {
        let Some(span) = error.span() else {
            return Self::default();
        };
        let table = DeTable::parse(text).ok();
        let mut keys = Vec::new();
        if let Some(table) = &table {
            keys_at(table.get_ref(), span.start, &mut keys);
        }
        Self::at(text, span.start, &keys)
    }

    /// Returns where the value of `keys` stands, or the nearest table that should hold it.
    pub(super) fn of_key(text: &str, keys: &[&str]) -> Self {
        Self::of(text, keys, |_| false)
    }

    /// Returns where the last `item` of the list of `keys` stands, or the list when it has none.
    pub(super) fn of_item(text: &str, keys: &[&str], item: &str) -> Self {
        Self::of(text, keys, |value| value.as_str() == Some(item))
    }

    fn of(text: &str, keys: &[&str], is_item: impl Fn(&DeValue<'_>) -> bool) -> Self {
        let mut offset = 0;
        if let Ok(table) = DeTable::parse(text) {
            let mut table = table.get_ref();
            for key in keys {
                let Some((name, value)) = table.get_key_value(*key) else {
                    break;
                };
                offset = name.span().start;
                match value.get_ref() {
                    DeValue::Table(inner) => table = inner,
                    DeValue::Array(items) => {
                        let mut items = items.iter().rev();
                        if let Some(item) = items.find(|item| is_item(item.get_ref())) {
                            offset = item.span().start;
                        }
                        break;
                    }
                    _ => break,
                }
            }
        }
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        Self::at(text, offset, &keys)
    }

    /// Returns where the first byte stands that is not UTF-8: behind `valid`.
    pub(super) fn behind(valid: &str) -> Self {
        Self::at(valid, valid.len(), &[])
    }

    fn at(text: &str, offset: usize, keys: &[String]) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        Self {
            key: keys.join("."),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

/// Collects the keys that lead to what stands at `offset`. Tables may be written in any order and
/// in several places, so the innermost entry whose key or value covers the offset decides.
fn keys_at(table: &DeTable<'_>, offset: usize, keys: &mut Vec<String>) -> bool {
    for (name, value) in table {
        keys.push(name.get_ref().to_string());
        if covers(&name.span(), offset) || is_within(value, offset, keys) {
            return true;
        }
        keys.pop();
    }
    false
}

fn is_within(value: &Spanned<DeValue<'_>>, offset: usize, keys: &mut Vec<String>) -> bool {
    if let DeValue::Table(table) = value.get_ref()
        && keys_at(table, offset, keys)
    {
        return true;
    }
    covers(&value.span(), offset)
}

fn covers(span: &Range<usize>, offset: usize) -> bool {
    span.contains(&offset)
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(formatter, " line {}, column {}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(formatter, ", `{}`", self.key)?;
        }
        Ok(())
    }
}
