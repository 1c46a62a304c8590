//! Projects by pattern: those that a token is for, and those that are mutable.

use std::fmt;
use std::str::FromStr;

use bulla_schemas::ProjectName;

/// Projects by name: `acme/billing`, `acme/*` or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPattern(String);

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a project pattern is a project such as `acme/billing`, or ends in `*`, found {found:?}")]
pub struct PatternError {
    found: String,
}

impl ProjectPattern {
    /// The pattern for all projects.
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Tells whether the pattern is for `project`.
    pub fn matches(&self, project: &ProjectName) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => project.as_str().starts_with(prefix),
            None => project.as_str() == self.0,
        }
    }

    /// Tells whether it is for all projects that another one is for.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => other
                .0
                .strip_suffix('*')
                .unwrap_or(&other.0)
                .starts_with(prefix),
            None => self == other,
        }
    }

    /// Tells whether it is the pattern for all projects.
    pub(crate) fn is_all(&self) -> bool {
        self.0 == "*"
    }
}

impl fmt::Display for ProjectPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ProjectPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let plausible = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte)
        };
        let valid = match text.strip_suffix('*') {
            Some(prefix) => prefix.len() <= ProjectName::MAX_LEN && prefix.bytes().all(plausible),
            None => text.parse::<ProjectName>().is_ok(),
        };
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(PatternError {
                found: text.chars().take(140).collect(),
            })
        }
    }
}
