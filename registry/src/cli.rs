//! The commands, and how flags become values. The only place that knows the clock, the terminal
//! and signals.

mod documentation;
mod reindex;
mod serve;
mod token;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use bulla_schemas::Timestamp;
use bulla_schemas::outcome::{FailureKind, report};
use clap::{Args, FromArgMatches as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::clock::Clock;
use crate::error::RegistryError;

/// Keeps bundles and the log, and serves both over HTTP.
///
/// Exit status: 0 done, 1 failed, 2 usage, 3 refused, 4 try again later.
#[derive(Debug, Parser)]
#[command(name = "bulla-registry", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    #[command(subcommand)]
    Token(token::Command),
    Reindex(reindex::Arguments),
    Completions(documentation::CompletionsArguments),
    ManPages(documentation::ManPagesArguments),
}

/// The data directory, the same for every command.
#[derive(Debug, Args)]
struct Data {
    /// The data directory; made where there is none
    #[arg(long = "data", value_name = "DIR", env = "BULLA_DATA")]
    directory: PathBuf,
}

/// Runs the program and returns its exit status.
pub fn run() -> ExitCode {
    let matches = documentation::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    log_to_stderr();
    let result = match arguments.command {
        Command::Serve(arguments) => block_on(serve::run(arguments)),
        Command::Token(command) => block_on(token::run(command)),
        Command::Reindex(arguments) => block_on(reindex::run(arguments)),
        Command::Completions(arguments) => documentation::completions(&arguments),
        Command::ManPages(arguments) => documentation::man_pages(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (kind, hint) = kind_and_hint(&error);
            say(&report(error.as_ref(), hint.as_deref()));
            ExitCode::from(kind.exit_status())
        }
    }
}

fn kind_and_hint(error: &anyhow::Error) -> (FailureKind, Option<String>) {
    match error.downcast_ref::<RegistryError>() {
        Some(error) => (error.kind(), error.hint()),
        None => (FailureKind::Failed, None),
    }
}

fn block_on(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run)
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("BULLA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

fn clock() -> Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program's edge is where the time comes from"
    )]
    Clock::new(|| {
        Timestamp::from_seconds(jiff::Timestamp::now().as_second()).unwrap_or(Timestamp::EPOCH)
    })
}

#[expect(clippy::print_stdout, reason = "stdout is for data")]
fn print(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "stderr is for talk")]
fn say(text: &str) {
    eprint!("{text}");
}
