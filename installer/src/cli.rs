//! The command line: flags become values, then one call of the library.

mod agent;
mod clock;
mod config;
mod doctor;
mod enroll;
mod examples;
mod failure;
mod follow;
mod going_back;
mod hints;
mod history;
mod hold;
mod hooks;
mod host;
mod install;
mod journal;
mod launch;
mod path;
mod person;
mod pin;
mod registries;
mod release;
mod retry;
mod rollback;
mod self_check;
mod set_aside;
mod setup;
mod socket;
mod status;
mod subject;
mod terminal;
mod token;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use bulla_terminal::{CompletionsArguments, Failure, ManPagesArguments, help};
use clap::{Parser, Subcommand};

use self::examples::EXAMPLES;
use self::host::{Host, HostArguments, Needed};
use self::launch::LaunchArguments;
use self::socket::is_closed;

use crate::platform::files::Attempt as _;

/// Put exactly the promoted release in place on this server, or nothing
///
/// Exit status: 0 done, 1 failed or a name leads to nothing, 2 wrong command line or configuration,
/// 3 refused (verification or policy), 4 try again later, 5 the release failed after the switch.
#[derive(Debug, Parser)]
#[command(name = "bulla-installer", version)]
struct Program {
    #[command(flatten)]
    host: HostArguments,
    #[command(flatten)]
    launch: LaunchArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Server(ServerCommand),
    Agent(agent::Arguments),
    Config(config::Arguments),
    Doctor(doctor::Arguments),
    SelfCheck(self_check::Arguments),
    Completions(CompletionsArguments),
    ManPages(ManPagesArguments),
    /// Print the places where a test can end this program
    #[cfg(feature = "failpoints")]
    #[command(hide = true)]
    Failpoints,
}

/// The commands that work on a server as its host file describes it.
#[derive(Debug, Subcommand)]
enum ServerCommand {
    Enroll(enroll::Arguments),
    Follow(follow::Follow),
    Unfollow(follow::Unfollow),
    Install(install::Arguments),
    Rollback(rollback::Arguments),
    Hold(hold::Arguments),
    Release(release::Arguments),
    Pin(pin::Arguments),
    Retry(retry::Arguments),
    Status(status::Arguments),
    Verify(verify::Arguments),
    SetAside(set_aside::Arguments),
    History(history::Arguments),
    Setup(setup::Arguments),
}

/// Parses the arguments, runs the command and tells how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = match help::parse::<Program>(EXAMPLES, arguments.iter().cloned()) {
        Ok(program) => program,
        Err(status) => return status,
    };
    // What is installed must not depend on the caller's umask.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let launch = Launch {
        said: program.launch,
        arguments,
    };
    bulla_terminal::finish_with(program.command.run(program.host, &launch))
}

/// How this program was started.
struct Launch {
    said: LaunchArguments,
    arguments: Vec<OsString>,
}

impl Command {
    fn run(self, host: HostArguments, launch: &Launch) -> Result<ExitCode, Failure> {
        match self {
            Self::Config(arguments) => arguments.run(host),
            Self::Doctor(arguments) => arguments.run(host),
            Self::Agent(arguments) => {
                let opened = host.clone().open(Needed::Read)?;
                require_state(&opened)?;
                let launched = launch.said.as_agent(&opened, &launch.arguments);
                let ended = arguments.run(&opened, &host, launched);
                match ended.map_err(|failure| hints::complete_failure(failure, opened.server()))? {
                    agent::Ended::With(status) => Ok(status),
                    agent::Ended::Replaced => launch.said.start_again(&launch.arguments),
                }
            }
            Self::SelfCheck(arguments) => {
                let host = host.open(Needed::Read)?;
                require_state(&host)?;
                let result = arguments.run(&host);
                result.map_err(|failure| hints::complete_failure(failure, host.server()))
            }
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
            Self::Server(command) => {
                let host = host.open(command.needs())?;
                if command.is_launched() {
                    launch.said.as_command(&host, &launch.arguments);
                }
                let result = command.run(&host);
                result.map_err(|failure| hints::complete_failure(failure, host.server()))
            }
        }
    }
}

impl ServerCommand {
    /// Tells whether the agent's program does it, where that is another one. `setup` writes down
    /// where this one is.
    const fn is_launched(&self) -> bool {
        !matches!(self, Self::Setup(_))
    }

    /// Tells what the command needs of a host file that was named.
    const fn needs(&self) -> Needed {
        match self {
            Self::Enroll(_) | Self::Follow(_) | Self::Unfollow(_) => Needed::Changed,
            _ => Needed::Read,
        }
    }

    fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        match &self {
            Self::Status(arguments) if is_closed(host.server()) => return arguments.ask(host),
            Self::History(arguments) if is_closed(host.server()) => return arguments.ask(host),
            _ => {}
        }
        require_state(host)?;
        match self {
            Self::Enroll(arguments) => arguments.run(host),
            Self::Follow(arguments) => arguments.run(host),
            Self::Unfollow(arguments) => arguments.run(host),
            Self::Install(arguments) => arguments.run(host),
            Self::Rollback(arguments) => arguments.run(host),
            Self::Hold(arguments) => arguments.run(host),
            Self::Release(arguments) => arguments.run(host),
            Self::Pin(arguments) => arguments.run(host),
            Self::Retry(arguments) => arguments.run(host),
            Self::Status(arguments) => arguments.run(host),
            Self::Verify(arguments) => arguments.run(host.server()),
            Self::SetAside(arguments) => arguments.run(host.server()),
            Self::History(arguments) => arguments.run(host.server()),
            Self::Setup(arguments) => arguments.run(host),
        }
    }
}

/// Refuses state that others may change, or that this user may not look at: what may not be looked
/// at is not lost, and no command may take it for that.
fn require_state(host: &Host) -> Result<(), Failure> {
    let state = host.server().state();
    if state.exists() {
        bulla_files::require_unshared(state)?;
        std::fs::read_dir(state).attempt("list", state)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
    fn the_host_file_and_directories_may_stand_after_the_command() {
        let program = Program::try_parse_from([
            "bulla-installer",
            "status",
            "acme/billing",
            "--root",
            "/r",
            "--state",
            "/s",
            "--config",
            "/c/server.toml",
        ])
        .unwrap();
        let file = program.host.file().unwrap();
        assert_eq!(file.path(), Path::new("/c/server.toml"));
        assert!(file.is_named());
    }
}
