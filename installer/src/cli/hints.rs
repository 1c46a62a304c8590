//! The commands that hints name, as they have to be typed on this server.

use bulla_terminal::Failure;

use crate::site::Server;

const COMMAND: &str = "`bulla-installer ";

/// Gives the commands in a text the directories that this command was given.
pub(super) fn complete(text: &str, server: &Server) -> String {
    let flags = server.flags();
    if flags.is_empty() {
        return text.to_owned();
    }
    text.replace(COMMAND, &format!("{COMMAND}{} ", flags.trim_start()))
}

/// The same for the hint of a failure.
pub(super) fn complete_failure(failure: Failure, server: &Server) -> Failure {
    match failure.hint().map(|hint| complete(hint, server)) {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
