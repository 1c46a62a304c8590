//! The command line: flags become values, then one call of the library.

mod clock;
mod enroll;
mod examples;
mod failure;
mod hints;
mod history;
mod install;
mod person;
mod rollback;
mod set_aside;
mod status;
mod terminal;
mod text;
mod token;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use bulla_terminal::{CompletionsArguments, Failure, ManPagesArguments, help};
use clap::{Args, Parser, Subcommand};

use self::examples::EXAMPLES;

use crate::platform::files::Attempt as _;
use crate::site::Server;

/// Put exactly the promoted release in place on this server, or nothing
///
/// Exit status: 0 done, 1 failed, 2 usage, 3 refused (verification or policy), 4 try again later.
#[derive(Debug, Parser)]
#[command(name = "bulla-installer", version)]
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
    Completions(CompletionsArguments),
    ManPages(ManPagesArguments),
    /// Print the places where a test can end this program
    #[cfg(feature = "failpoints")]
    #[command(hide = true)]
    Failpoints,
}

/// Parses the arguments, runs the command and tells how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let program = match help::parse::<Program>(EXAMPLES, arguments) {
        Ok(program) => program,
        Err(status) => return status,
    };
    // What is installed must not depend on the caller's umask.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let server = Server::new(program.server.root, program.server.state);
    let result = program.command.run(&server);
    bulla_terminal::finish_with(result.map_err(|failure| hints::complete_failure(failure, &server)))
}

impl Command {
    fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        if server.state().exists() {
            bulla_files::require_unshared(server.state())?;
            // What may not be looked at is not lost: no command may take it for that.
            std::fs::read_dir(server.state()).attempt("list", server.state())?;
        }
        match self {
            Self::Enroll(arguments) => arguments.run(server),
            Self::Install(arguments) => arguments.run(server),
            Self::Rollback(arguments) => arguments.run(server),
            Self::Status(arguments) => arguments.run(server),
            Self::Verify(arguments) => arguments.run(server),
            Self::SetAside(arguments) => arguments.run(server),
            Self::History(arguments) => arguments.run(server),
            Self::Completions(arguments) => {
                arguments.run::<Program>(EXAMPLES)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::ManPages(arguments) => {
                arguments.run::<Program>(EXAMPLES)?;
                Ok(ExitCode::SUCCESS)
            }
            #[cfg(feature = "failpoints")]
            Self::Failpoints => {
                for point in crate::failpoint::POINTS {
                    bulla_terminal::stdout::line(point)?;
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_terminal::testing;

    use super::*;

    #[test]
    fn every_example_is_a_command_line_of_its_command() {
        testing::check_examples::<Program>(EXAMPLES, |word| match word {
            "$ANCHOR" => format!("acme+1+{}", "0".repeat(64)),
            word => word.to_owned(),
        });
    }

    #[test]
    fn help_is_in_the_imperative() {
        testing::check_voice::<Program>(EXAMPLES);
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
