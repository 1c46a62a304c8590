//! The command line out of clap, with the same voice in every program.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{Command, CommandFactory, FromArgMatches};

use crate::{Failure, finish};

/// Commands by their path below the program, each with command lines of it. The help and the man
/// pages show them, and `testing::check_examples` parses them.
pub type Examples = &'static [(&'static [&'static str], &'static [&'static str])];

/// Columns beyond which lines of help are hard to read.
const WIDEST: usize = 100;

/// Returns a program's command line with its examples.
pub fn command<P: CommandFactory>(examples: Examples) -> Command {
    let command = P::command().max_term_width(WIDEST);
    examples.iter().fold(command, |command, (path, lines)| {
        add_examples(command, path, lines)
    })
}

/// Reads the arguments. Help and usage errors are printed, and become the exit status.
pub fn parse<P: CommandFactory + FromArgMatches>(
    examples: Examples,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<P, ExitCode> {
    let mut command = ignore_empty_variables(command::<P>(examples));
    // The usage needs all arguments and names in place.
    command.build();
    let matches = with_plain_usage(command).try_get_matches_from(arguments);
    matches
        .and_then(|matches| P::from_arg_matches(&matches))
        .map_err(|error| print(&error))
}

/// Takes a variable of the environment that is empty for one that is not set.
fn ignore_empty_variables(command: Command) -> Command {
    command
        .mut_args(|argument| {
            if argument.get_env().is_some_and(is_empty) {
                argument.env(Resettable::Reset)
            } else {
                argument
            }
        })
        .mut_subcommands(ignore_empty_variables)
}

#[expect(
    clippy::disallowed_methods,
    reason = "clap reads the environment for the same arguments"
)]
fn is_empty(variable: &OsStr) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.is_empty())
}

/// Shows the usage of the help with every usage error. Left alone, clap shows what would do with
/// the arguments that it found, and takes those of the environment for required.
fn with_plain_usage(mut command: Command) -> Command {
    let usage = command.render_usage().ansi().to_string();
    // Behind the title, which clap puts there again.
    let usage = usage.split_once(' ').map(|(_, usage)| usage.to_owned());
    command
        .override_usage(usage.unwrap_or_default())
        .mut_subcommands(with_plain_usage)
}

/// Help that was asked for is data: it can be lost.
fn print(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() {
        return ExitCode::from(2);
    }
    finish(crate::stdout::ignore_lost_reader(printed).map_err(Failure::from))
}

fn add_examples(command: Command, path: &[&'static str], lines: &[&str]) -> Command {
    if let [first, rest @ ..] = path {
        return command.mut_subcommand(first, |command| add_examples(command, rest, lines));
    }
    let lines: Vec<_> = lines.iter().map(|line| format!("  {line}\n")).collect();
    command.after_help(format!("Examples:\n{}", lines.concat()))
}
