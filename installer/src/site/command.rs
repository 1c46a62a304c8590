//! A command of this program, as messages name it.

use std::fmt;

const PROGRAM: &str = "bulla-installer";

/// A command that a person may run next, printed between backticks. Rooms below the command line
/// do not know its flags: it is as it has to be typed once `Server::complete` has seen the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// Takes the arguments, as they would be typed.
    pub(crate) fn new(arguments: impl Into<String>) -> Self {
        Self(arguments.into())
    }

    /// Gives the commands in a text these flags.
    pub(super) fn complete(text: &str, flags: &str) -> String {
        if flags.is_empty() {
            return text.to_owned();
        }
        let opening = format!("`{PROGRAM} ");
        text.replace(&opening, &format!("{opening}{flags} "))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{PROGRAM} {}`", self.0)
    }
}
