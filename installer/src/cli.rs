//! The command line: flags become values, then one call of the library.

mod clock;
mod documentation;
mod enroll;
mod failure;
mod history;
mod install;
mod output;
mod person;
mod rollback;
mod set_aside;
mod status;
mod token;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, FromArgMatches as _, Parser, Subcommand};

use failure::Failure;

use crate::site::Server;

/// Puts exactly the promoted release in place on this server, or nothing.
///
/// Exit status: 0 done, 1 failed, 2 usage, 3 refused (verification or policy), 4 try again later.
#[derive(Debug, Parser)]
#[command(name = "bulla-installer", version, max_term_width = 100)]
struct Program {
    #[command(flatten)]
    server: ServerArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct ServerArguments {
    /// The directory that holds the projects
    #[arg(long, global = true, value_name = "DIR", default_value = Server::DEFAULT_ROOT)]
    root: PathBuf,
    /// The installer's own state
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = Server::DEFAULT_STATE
    )]
    state: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    Enroll(enroll::Arguments),
    Install(install::Arguments),
    Rollback(rollback::Arguments),
    Status(status::Arguments),
    Verify(verify::Arguments),
    SetAside(set_aside::Arguments),
    History(history::Arguments),
    Completions(documentation::CompletionsArguments),
    ManPages(documentation::ManPagesArguments),
    /// Print the places where a test can end this program
    #[cfg(feature = "failpoints")]
    #[command(hide = true)]
    Failpoints,
}

/// Parses the arguments, runs the command and tells how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = documentation::command().try_get_matches_from(arguments);
    let program = match matches.and_then(|matches| Program::from_arg_matches(&matches)) {
        Ok(program) => program,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // What is installed must not depend on the caller's umask.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let server = Server::new(program.server.root, program.server.state);
    match program.command.run(&server) {
        Ok(status) => status,
        Err(failure) => failure.tell(),
    }
}

impl Command {
    fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        match self {
            Self::Enroll(arguments) => arguments.run(server),
            Self::Install(arguments) => arguments.run(server),
            Self::Rollback(arguments) => arguments.run(server),
            Self::Status(arguments) => arguments.run(server),
            Self::Verify(arguments) => arguments.run(server),
            Self::SetAside(arguments) => arguments.run(server),
            Self::History(arguments) => arguments.run(server),
            Self::Completions(arguments) => Ok(arguments.run()),
            Self::ManPages(arguments) => Ok(arguments.run()?),
            #[cfg(feature = "failpoints")]
            Self::Failpoints => {
                output::lines(crate::failpoint::POINTS.iter().copied());
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn root_and_state_may_stand_after_the_command() {
        let program = Program::try_parse_from([
            "bulla-installer",
            "status",
            "acme/billing",
            "--root",
            "/r",
            "--state",
            "/s",
        ])
        .unwrap();
        assert_eq!(program.server.root, PathBuf::from("/r"));
        assert_eq!(program.server.state, PathBuf::from("/s"));
    }
}
