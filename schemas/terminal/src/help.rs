//! The command line out of clap, with the same voice in every program.

use std::ffi::OsString;
use std::process::ExitCode;

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
    let matches = command::<P>(examples).try_get_matches_from(arguments);
    matches
        .and_then(|matches| P::from_arg_matches(&matches))
        .map_err(|error| print(&error))
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
