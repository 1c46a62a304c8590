//! Completions and man pages, from the same words as the help.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use crate::help::{self, Examples};
use crate::{Failure, stdout};

/// Print a shell's completions
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// Write the man pages of all commands into a directory
#[derive(Debug, Args)]
pub struct ManPagesArguments {
    /// The directory, created if missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl CompletionsArguments {
    /// Prints the completions of the program `P`.
    pub fn run<P: CommandFactory>(&self, examples: Examples) -> Result<(), Failure> {
        let mut command = help::command::<P>(examples);
        let name = command.get_name().to_owned();
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, &name, &mut text);
        let text = String::from_utf8_lossy(&text);
        // For bash, clap writes the hyphen of a program's name in two ways, and finds no command.
        let text = text.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
        Ok(stdout::write(&text)?)
    }
}

impl ManPagesArguments {
    /// Writes the pages of the program `P`.
    pub fn run<P: CommandFactory>(&self, examples: Examples) -> Result<(), Failure> {
        let directory = &self.directory;
        let mut command = help::command::<P>(examples).disable_help_subcommand(true);
        command.build();
        fs::create_dir_all(directory)
            .and_then(|()| write_pages(&command, directory))
            .map_err(|error| {
                let doing = format!("cannot write man pages into `{}`", directory.display());
                Failure::io(doing, error)
            })
    }
}

/// Writes a page for a command and each of those below it.
fn write_pages(command: &Command, directory: &Path) -> io::Result<()> {
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    for command in shown {
        write_pages(command, directory)?;
    }
    let page = clap_mangen::Man::new(command.clone());
    let name = page.get_filename();
    let mut text = Vec::new();
    page.render(&mut text)?;
    // What the help shows at its end is called `EXTRA` by clap, whatever it is.
    let text = String::from_utf8_lossy(&text);
    let text = text.replace("\n.SH EXTRA\nExamples:\n", "\n.SH EXAMPLES\n");
    fs::write(directory.join(name), text)
}
