//! Why a release, or a command that runs for it, does not work.

use std::fmt;

/// What happened, and what the command wrote. The two stay apart: the one is for everybody, the
/// other can hold secrets and is for the people of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// One line: `the hook ... ended with status 3`.
    pub reason: String,
    /// The last lines that the command wrote.
    pub output: Option<String>,
}

impl From<String> for Broken {
    fn from(reason: String) -> Self {
        Self {
            reason,
            output: None,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}
