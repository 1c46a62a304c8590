//! The commands that the hint of a failure names, as they have to be typed on this server.

use bulla_terminal::Failure;

use crate::site::Server;

/// Gives the commands in the hint of a failure the flags that this command was given.
pub(super) fn complete_failure(failure: Failure, server: &Server) -> Failure {
    match failure.hint().map(|hint| server.complete(hint)) {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
