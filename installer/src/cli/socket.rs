//! What people without root can ask: the agent, by its socket.

use std::io::ErrorKind;
use std::path::PathBuf;

use bulla_schemas::outcome::FailureKind;
use bulla_terminal::Failure;
use clap::Args;
use serde::de::DeserializeOwned;

use crate::agent::{Question, SOCKET, ask};
use crate::site::Server;

#[derive(Debug, Args)]
pub(super) struct SocketArguments {
    /// The socket of the agent, which is asked where this user may not read the state
    #[arg(long, value_name = "FILE", default_value = SOCKET)]
    socket: PathBuf,
}

impl SocketArguments {
    /// Asks the agent.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        question: &Question,
        server: &Server,
    ) -> Result<T, Failure> {
        ask(&self.socket, question).map_err(|error| {
            let (state, socket) = (server.state().display(), self.socket.display());
            Failure::new(
                FailureKind::Failed,
                format_args!(
                    "you may not read `{state}`, and the agent does not answer at `{socket}`: {error}"
                ),
            )
            .with_hint(
                "run it with `sudo`; or, where the agent runs, become a member of the group \
                 `bulla` (`adduser NAME bulla`) and log in again",
            )
        })
    }
}

/// Tells whether this user may not look at the state. What may not be looked at is not lost.
pub(super) fn is_closed(server: &Server) -> bool {
    std::fs::read_dir(server.state())
        .is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
