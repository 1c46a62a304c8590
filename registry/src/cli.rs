//! The commands, and how flags become values. The only place that knows the clock, the terminal
//! and signals.

mod backup;
mod damages;
mod data;
mod du;
mod examples;
mod fsck;
mod gc;
mod host;
mod import_log;
mod log_format;
mod log_key;
mod mirror;
mod registry_token;
mod reindex;
mod restore;
mod serve;
mod serving;
mod token;

use std::process::ExitCode;

use bulla_terminal::{CompletionsArguments, Failure, ManPagesArguments, finish, help};
use clap::{Parser, Subcommand};

use examples::EXAMPLES;
use log_format::LogFormat;

/// Keep bundles and the log, and serve both over HTTP
///
/// Exit status: 0 done, 1 failed or a name leads to nothing, 2 wrong command line, 3 refused, 4 try
/// again later.
#[derive(Debug, Parser)]
#[command(name = "bulla-registry", version)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Mirror(mirror::Arguments),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Host(host::Command),
    Du(du::Arguments),
    Fsck(fsck::Arguments),
    Gc(gc::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Reindex(reindex::Arguments),
    LogKey(log_key::Arguments),
    ImportLog(import_log::Arguments),
    Completions(CompletionsArguments),
    ManPages(ManPagesArguments),
}

/// Runs the program and returns its exit status.
pub fn run() -> ExitCode {
    let program: Program = match help::parse(EXAMPLES, std::env::args_os()) {
        Ok(program) => program,
        Err(status) => return status,
    };
    let format = match &program.command {
        Command::Serve(arguments) => arguments.serving.log_format,
        Command::Mirror(arguments) => arguments.serving.log_format,
        _ => LogFormat::default(),
    };
    format.log_to_stderr();
    finish(match program.command {
        Command::Serve(arguments) => block_on(serve::run(arguments)),
        Command::Mirror(arguments) => block_on(mirror::run(arguments)),
        Command::Token(command) => block_on(token::run(command)),
        Command::Host(command) => block_on(host::run(command)),
        Command::Du(arguments) => block_on(du::run(arguments)),
        Command::Fsck(arguments) => block_on(fsck::run(arguments)),
        Command::Gc(arguments) => block_on(gc::run(arguments)),
        Command::Backup(arguments) => block_on(backup::run(arguments)),
        Command::Restore(arguments) => block_on(restore::run(arguments)),
        Command::Reindex(arguments) => block_on(reindex::run(arguments)),
        Command::ImportLog(arguments) => block_on(import_log::run(arguments)),
        Command::LogKey(arguments) => block_on(log_key::run(arguments)),
        Command::Completions(arguments) => arguments.run::<Program>(EXAMPLES),
        Command::ManPages(arguments) => arguments.run::<Program>(EXAMPLES),
    })
}

fn block_on(run: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("cannot start the threads that serve", error))?
        .block_on(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_that_it_understands() {
        bulla_terminal::testing::check_examples::<Program>(EXAMPLES, |word| match word {
            "$ANCHOR" => format!("acme+1+{}", "0".repeat(64)),
            word => word.to_owned(),
        });
    }

    #[test]
    fn the_unit_of_the_nightly_gc_runs_a_command_that_it_understands() {
        let unit = include_str!("../contrib/bulla-registry-gc.service");
        let mut lines = unit.lines();
        let command = lines.find_map(|line| line.strip_prefix("ExecStart=/usr/bin/"));
        Program::try_parse_from(command.unwrap().split_whitespace()).unwrap();
    }

    #[test]
    fn the_help_speaks_in_one_voice() {
        bulla_terminal::testing::check_voice::<Program>(EXAMPLES);
    }
}
