//! Asking a person before something that cannot be undone: only where there is one.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use bulla_schemas::outcome::FailureKind;

use super::failure::Failure;

/// Tells whether somebody sits there who can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and fails unless the answer is yes.
pub(super) fn ask(question: &str) -> Result<(), Failure> {
    let mut answer = String::new();
    let _ = write!(io::stderr(), "{question} [y/N] ");
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("cannot read the answer", error))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(FailureKind::Failed, "nothing was done")),
    }
}
