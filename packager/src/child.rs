//! Programs that are started: none of them is given the secrets that this one has in its environment.

use std::ffi::OsStr;
use std::process::Command;

/// The variables that are secrets themselves.
pub(crate) const SECRETS: [&str; 2] = ["BULLA_TOKEN", "BULLA_KEY_TEXT"];

/// Prepares to start a program.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for secret in SECRETS {
        command.env_remove(secret);
    }
    command
}
