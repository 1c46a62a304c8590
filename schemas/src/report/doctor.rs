//! `bulla doctor --json` and `bulla-installer doctor --json`

use std::error::Error;
use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome;

/// What was found at one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// The step.
    pub step: Step,
    /// Whether it is a problem.
    pub result: FindingKind,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What is examined, in the order in which one depends on another.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The configuration file or host file, and the directories that are remembered in.
    Configuration,
    /// The recipe of the checkout.
    Recipe,
    /// The programs that `bulla` runs.
    Tools,
    /// The directories of a server: whose they are, and what is free.
    Disk,
    /// The way to a registry.
    Network,
    /// The registry, and what the token allows there.
    Registry,
    /// The log, as a server remembers it.
    Log,
    /// The clock.
    Clock,
    /// The keys to sign with.
    Keys,
    /// What packs leave for the next one.
    Cache,
    /// The agent of a server, as a service.
    Agent,
}

/// Whether something that was found is a problem.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FindingKind {
    /// As it should be.
    Ok,
    /// Something works less well, or only what not everybody needs does not.
    Warning,
    /// Something will not work.
    Failed,
}

impl Display for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Configuration => "configuration",
            Self::Recipe => "recipe",
            Self::Tools => "tools",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Registry => "registry",
            Self::Log => "log",
            Self::Clock => "clock",
            Self::Keys => "keys",
            Self::Cache => "cache",
            Self::Agent => "agent",
        })
    }
}

impl Display for FindingKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        })
    }
}

impl Finding {
    /// As it should be.
    pub fn ok(step: Step, found: impl Display) -> Self {
        Self {
            step,
            result: FindingKind::Ok,
            found: found.to_string(),
            hint: None,
        }
    }

    /// Something works less well.
    pub fn warning(step: Step, found: impl Display, hint: impl Into<String>) -> Self {
        Self {
            result: FindingKind::Warning,
            hint: Some(hint.into()),
            ..Self::ok(step, found)
        }
    }

    /// Something will not work.
    pub fn failed(step: Step, found: impl Display, hint: Option<String>) -> Self {
        Self {
            result: FindingKind::Failed,
            hint,
            ..Self::ok(step, found)
        }
    }

    /// Something will not work, as an error says, with its causes.
    pub fn error(step: Step, error: &dyn Error, hint: Option<String>) -> Self {
        let text = outcome::report(error, None);
        let text = text.trim_start_matches("error: ").trim_end();
        let sentences: Vec<_> = text.lines().map(str::trim).collect();
        Self::failed(step, sentences.join(": "), hint)
    }
}
