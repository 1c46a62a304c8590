//! How a program of Bulla ends: one exit status per kind of failure, and one way to tell a person.
//!
//! | status | kind |
//! |---|---|
//! | 0 | done |
//! | 1 | failed; also a name that leads to nothing, or to more than one thing |
//! | 2 | usage: wrong whatever there is on this disk and in the log |
//! | 3 | refused: verification or policy |
//! | 4 | try again later |
//! | 5 | rolled back |

use std::error::Error;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::escape::escape_lines;

/// Why a program did not do what it was asked, as its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Something went wrong. Also what is named does not exist, or is not the only one.
    Failed,
    /// The command line, the recipe or the configuration is wrong, whatever there is.
    Usage,
    /// Verification or policy says no.
    Refused,
    /// The same command may work later.
    Temporary,
    /// The new release did not hold; the one before is live again.
    RolledBack,
}

impl FailureKind {
    /// Returns the exit status.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Temporary => 4,
            Self::RolledBack => 5,
        }
    }

    /// Returns how much it matters, where several things fail and one status tells how that went: what
    /// may work later least, what was refused most.
    pub const fn gravity(self) -> u8 {
        match self {
            Self::Temporary => 0,
            Self::Usage => 1,
            Self::Failed => 2,
            Self::RolledBack => 3,
            Self::Refused => 4,
        }
    }

    /// Returns the gravest of some failures.
    pub fn gravest(kinds: impl IntoIterator<Item = Self>) -> Option<Self> {
        kinds.into_iter().max_by_key(|kind| kind.gravity())
    }
}

/// What every error knows about itself besides its message: how the program ends because of it,
/// and what a person can do. One enum per room implements it; `?` in a program's `cli/` then needs
/// no table.
pub trait Outcome: Error {
    /// Returns the kind of failure, and with it the exit status.
    fn kind(&self) -> FailureKind {
        FailureKind::Failed
    }

    /// Returns what to do next, in the imperative and without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Returns the end of what a command wrote that failed, in lines. It can hold secrets: only the
    /// person who ran the program sees it, and no log and no report does.
    fn output(&self) -> Option<&str> {
        None
    }
}

/// Writes a failure for a terminal or a log: what happened, why, and what to do next. Control
/// characters, which untrusted text may bring, are escaped.
///
/// ```text
/// error: refusing to install acme/billing
///   the log shrank: remembered size 4812, offered 4790
/// hint: ask the registry's operator whether it was restored from a backup
/// ```
pub fn report(error: &dyn Error, hint: Option<&str>) -> String {
    report_with_output(error, None, hint)
}

/// Writes the same with the end of what a command wrote that failed, for the person who ran it.
pub fn report_with_output(error: &dyn Error, output: Option<&str>, hint: Option<&str>) -> String {
    let mut text = format!("error: {}\n", indent(&error.to_string()));
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Transparent wrappers say the same sentence twice, and libraries end theirs with the cause.
        if !said.ends_with(&message) {
            let _ = writeln!(text, "  {}", indent(&message));
        }
        said = message;
        cause = error.source();
    }
    if let Some(output) = output {
        let _ = writeln!(text, "  its output ends with:\n    {}", indent(output));
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "hint: {}", indent(hint));
    }
    text
}

/// Writes an error and all its causes in one line.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // A transparent error says the same as its cause.
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn indent(message: &str) -> String {
    escape_lines(message.trim_end()).replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read `a`")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no such \u{1b}[31mfile")]
    struct Inner;

    impl Outcome for Inner {}

    #[test]
    fn an_error_that_says_nothing_else_ends_with_1() {
        assert_eq!(Inner.kind().exit_status(), 1);
        assert_eq!(Inner.hint(), None);
    }

    #[test]
    fn tells_what_why_and_what_next_without_control_characters() {
        assert_eq!(
            report(&Outer(Inner), Some("make it")),
            "error: cannot read `a`\n  no such \\u{1b}[31mfile\nhint: make it\n"
        );
    }

    #[test]
    fn a_cause_that_its_error_has_said_already_is_not_said_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("returned from the database: {0}")]
        struct Library(#[source] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error("the database failed")]
        struct Ours(#[source] Library);
        assert_eq!(
            report(&Ours(Library(Inner)), None),
            "error: the database failed\n  returned from the database: no such \\u{1b}[31mfile\n"
        );
    }

    #[test]
    fn what_a_command_wrote_keeps_its_lines_and_no_control_characters() {
        assert_eq!(
            report_with_output(&Inner, Some("out| one\nerr| \u{1b}[31mtwo"), None),
            "error: no such \\u{1b}[31mfile\n  its output ends with:\n    out| one\n    \
             err| \\u{1b}[31mtwo\n"
        );
    }
}
