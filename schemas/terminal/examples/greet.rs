//! A program out of this crate, which its tests start.

use std::process::ExitCode;

use bulla_terminal::{
    CompletionsArguments, Examples, Failure, ManPagesArguments, Table, help, stdout,
};

/// Greet people
#[derive(clap::Parser)]
#[command(name = "bulla-greet", version)]
struct Program {
    /// In which language
    #[arg(
        long,
        global = true,
        env = "BULLA_GREET_LANGUAGE",
        default_value = "en",
        value_parser = ["en", "la"]
    )]
    language: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print a greeting
    Hello {
        /// Whom to greet
        #[arg(default_value = "all")]
        name: String,
        /// How often
        #[arg(long, default_value_t = 1)]
        times: usize,
    },
    /// Print a table of greetings
    List,
    Completions(CompletionsArguments),
    ManPages(ManPagesArguments),
}

const EXAMPLES: Examples = &[
    (&[], &["bulla-greet hello 'Alice and Bob'"]),
    (&["hello"], &["bulla-greet hello Alice --times 3"]),
    (&["list"], &["bulla-greet list"]),
    (&["completions"], &["bulla-greet completions bash > greet"]),
    (&["man-pages"], &["bulla-greet man-pages man1"]),
];

fn main() -> ExitCode {
    match help::parse::<Program>(EXAMPLES, std::env::args_os()) {
        Ok(program) => bulla_terminal::finish(run(&program)),
        Err(status) => status,
    }
}

fn run(program: &Program) -> Result<(), Failure> {
    let hello = match program.language.as_str() {
        "la" => "salve",
        _ => "hello",
    };
    match &program.command {
        Command::Hello { name, times: 1 } => Ok(stdout::line(format_args!("{hello} {name}"))?),
        Command::Hello { name, times } => Ok(stdout::stream(|stdout| {
            (0..*times).try_for_each(|_| writeln!(stdout, "{hello} {name}"))
        })?),
        Command::List => {
            let mut table = Table::new(&["NAME", "GREETING"]).wrap(&["GREETING"]);
            table.row([
                "Alice",
                "hello Alice, and welcome to the table of greetings",
            ]);
            Ok(table.print()?)
        }
        Command::Completions(arguments) => arguments.run::<Program>(EXAMPLES),
        Command::ManPages(arguments) => arguments.run::<Program>(EXAMPLES),
    }
}
