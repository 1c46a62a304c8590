//! What a doctor looks at: recipe, tools, keys, clock, registry and directories, step by step.
//!
//! A step never ends the examination: it says what it found and what to do, and the next one
//! goes on with what there is.

mod clock;
mod directories;
mod keys;
mod recipe;
mod registry;
mod tools;

use std::error::Error;
use std::fmt::Display;

use bulla_schemas::outcome;
use serde::Serialize;

pub use clock::examine as clock;
pub use directories::{examine_cache, examine_state};
pub use keys::{builder, personal};
pub use recipe::{Examined, examine as recipe};
pub use registry::{address, log, token};
pub use tools::{Needed, examine as tools};

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// As it should be.
    Ok,
    /// Something works less well, or only what not everybody needs does not.
    Warning,
    /// Something will not work.
    Failed,
}

impl Standing {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What was found at one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The step: `recipe`, `tools`, `keys`, `clock`, `registry`, `configuration` or `cache`.
    pub step: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(step: &'static str, found: impl Display) -> Self {
        Self {
            step,
            standing: Standing::Ok,
            found: found.to_string(),
            hint: None,
        }
    }

    /// Something works less well.
    pub fn warning(step: &'static str, found: impl Display, hint: impl Into<String>) -> Self {
        Self {
            standing: Standing::Warning,
            hint: Some(hint.into()),
            ..Self::ok(step, found)
        }
    }

    /// Something will not work.
    pub fn failed(step: &'static str, found: impl Display, hint: Option<String>) -> Self {
        Self {
            standing: Standing::Failed,
            hint,
            ..Self::ok(step, found)
        }
    }

    /// Something will not work, as an error says, with its causes.
    pub fn error(step: &'static str, error: &(dyn Error + 'static), hint: Option<String>) -> Self {
        let text = outcome::report(error, None);
        let text = text.trim_start_matches("error: ").trim_end();
        let sentences: Vec<_> = text.lines().map(str::trim).collect();
        Self::failed(step, sentences.join(": "), hint)
    }
}
