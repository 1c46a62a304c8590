//! What people without root can ask: the agent, by its socket.

use std::io::ErrorKind;
use std::path::PathBuf;

use bulla_terminal::Failure;
use clap::Args;
use rustix::fs::Access;
use serde::de::DeserializeOwned;

use crate::agent::{AskError, Question, SOCKET, ask};
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
            let is_silent = matches!(error, AskError::Silent { .. });
            let failure = Failure::from(error);
            if !is_silent {
                return failure;
            }
            let state = server.state().display();
            failure
                .context(format_args!("you may not read `{state}`"))
                .with_hint(
                    "run it with `sudo`; or, where the agent runs, become a member of the group \
                     `bulla` (`adduser NAME bulla`) and log in again",
                )
        })
    }
}

/// Tells whether this user may not look at the state, or at something in it. What may not be looked
/// at is not lost.
pub(super) fn is_closed(server: &Server) -> bool {
    let is_denied = |kind| kind == ErrorKind::PermissionDenied;
    let entries = match std::fs::read_dir(server.state()) {
        Ok(entries) => entries,
        Err(error) => return is_denied(error.kind()),
    };
    let mut entries = entries.flatten();
    entries.any(|entry| {
        let access = match entry.file_type() {
            Ok(found) if found.is_dir() => Access::READ_OK | Access::EXEC_OK,
            _ => Access::READ_OK,
        };
        let looked = rustix::fs::access(entry.path(), access);
        looked.is_err_and(|error| is_denied(error.kind()))
    })
}
