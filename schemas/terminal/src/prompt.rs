//! Asking a person before something that cannot be undone: only where there is one.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::{Failure, stderr};

/// Tells whether a person can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and tells whether the answer is yes. Anything else, also none, is a no.
pub fn confirm(question: &str) -> Result<bool, Failure> {
    stderr::write(&format!("{question} [y/N] "));
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("cannot read the answer", error))?;
    let answer = answer.trim().to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}
