//! How Bulla's programs speak: the same in all three.
//!
//! - **stdout is data.** [`stdout::line`], [`stdout::json`], [`Table::print`]. A reader that goes
//!   away (`bulla history | head`) is no failure; any other lost output is, and becomes an exit
//!   status through `?`.
//! - **stderr is for people.** [`stderr::say`], [`stderr::note`], [`stderr::warn`], one progress
//!   [`Bar`], and [`Failure`] at the end: what happened, why, and what to do next.
//! - **The command line** comes out of clap: [`help::command`] adds examples, [`help::parse`] reads
//!   the arguments, [`CompletionsArguments`] and [`ManPagesArguments`] are two commands that every
//!   program has.
//!
//! A program's `main` needs no more than this:
//!
//! ```
//! use std::process::ExitCode;
//! use bulla_terminal::{CompletionsArguments, Examples, Failure, ManPagesArguments, help, stdout};
//!
//! /// Greet a person
//! #[derive(clap::Parser)]
//! #[command(name = "greet", version)]
//! struct Program {
//!     #[command(subcommand)]
//!     command: Command,
//! }
//!
//! #[derive(clap::Subcommand)]
//! enum Command {
//!     /// Say hello
//!     Hello,
//!     Completions(CompletionsArguments),
//!     ManPages(ManPagesArguments),
//! }
//!
//! const EXAMPLES: Examples = &[
//!     (&[], &["greet hello"]),
//!     (&["hello"], &["greet hello"]),
//!     (&["completions"], &["greet completions bash"]),
//!     (&["man-pages"], &["greet man-pages /usr/local/share/man/man1"]),
//! ];
//!
//! fn run(arguments: &[&str]) -> ExitCode {
//!     let program: Program = match help::parse(EXAMPLES, arguments.iter().map(Into::into)) {
//!         Ok(program) => program,
//!         Err(status) => return status, // help and usage errors have been printed
//!     };
//!     bulla_terminal::finish(match program.command {
//!         Command::Hello => stdout::line("hello").map_err(Failure::from),
//!         Command::Completions(arguments) => arguments.run::<Program>(EXAMPLES),
//!         Command::ManPages(arguments) => arguments.run::<Program>(EXAMPLES),
//!     })
//! }
//! # assert_eq!(run(&["greet", "hello"]), ExitCode::SUCCESS);
//! # assert_eq!(run(&["greet", "howl"]), ExitCode::from(2));
//!
//! // In its tests, with the feature `testing`:
//! bulla_terminal::testing::check_examples::<Program>(EXAMPLES, str::to_owned);
//! bulla_terminal::testing::check_voice::<Program>(EXAMPLES);
//! ```
//!
//! Every error that implements [`Outcome`](bulla_schemas::outcome::Outcome) becomes a [`Failure`]
//! by `?`, with its own exit status and hint: a program has no table of errors. Sizes are written
//! by [`bytes`] and [`count`]. The feature `testing` has what every program's tests ask of its command line.

mod bar;
mod documentation;
mod failure;
pub mod findings;
pub mod help;
pub mod prompt;
pub mod stderr;
pub mod stdout;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod width;

pub use bar::Bar;
pub use bulla_schemas::escape::escape;
pub use bulla_schemas::units::{bytes, count};
pub use documentation::{CompletionsArguments, ManPagesArguments};
pub use failure::{Failure, finish, finish_with};
pub use help::Examples;
pub use table::Table;
