//! `bulla generate`: completions and man pages from the same doc comments as the help.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, ValueEnum};

use super::arguments::Arguments;
use super::failure::Failure;
use super::output;

/// Writes shell completions to stdout, or man pages into a directory.
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// What to write.
    what: What,
    /// The directory for the man pages.
    #[arg(default_value = ".")]
    directory: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Bash,
    Zsh,
    Fish,
    Man,
}

pub(super) fn run(arguments: &GenerateArguments) -> Result<(), Failure> {
    use clap_complete::Shell;
    match arguments.what {
        What::Bash => completions(Shell::Bash),
        What::Zsh => completions(Shell::Zsh),
        What::Fish => completions(Shell::Fish),
        What::Man => man_pages(&arguments.directory),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "bulla", &mut text);
    output::write(&String::from_utf8_lossy(&text))
}

fn man_pages(directory: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Arguments::command(), directory).map_err(|error: io::Error| {
        let doing = format!("cannot write man pages into `{}`", directory.display());
        Failure::io(doing, error)
    })
}
