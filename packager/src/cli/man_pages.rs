//! `bulla man-pages`: one page for each command, from the same words as the help.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};

use super::examples;
use super::failure::Failure;

/// Writes the man pages of all commands into a directory.
#[derive(Debug, Args)]
pub(super) struct ManPagesArguments {
    /// The directory, made where there is none.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &ManPagesArguments) -> Result<(), Failure> {
    let directory = &arguments.directory;
    let mut command = examples::command().disable_help_subcommand(true);
    command.build();
    std::fs::create_dir_all(directory)
        .and_then(|()| write(&command, directory))
        .map_err(|error| {
            let doing = format!("cannot write man pages into `{}`", directory.display());
            Failure::io(doing, error)
        })
}

fn write(command: &Command, directory: &Path) -> io::Result<()> {
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    for command in shown {
        write(command, directory)?;
    }
    let page = clap_mangen::Man::new(command.clone());
    let name = page.get_filename();
    let mut text = Vec::new();
    page.render(&mut text)?;
    // What the help shows at its end is called `EXTRA` by clap, whatever it is.
    let text = String::from_utf8_lossy(&text);
    let text = text.replace("\n.SH EXTRA\nExamples:\n", "\n.SH EXAMPLES\n");
    std::fs::write(directory.join(name), text)
}
