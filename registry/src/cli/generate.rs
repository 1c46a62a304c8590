//! `bulla-registry generate`: completions and manual pages, for packages of this program.

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::Shell;

/// Write completions and manual pages
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write the files
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut command = super::Arguments::command();
    std::fs::create_dir_all(&arguments.directory)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut command, "bulla-registry", &arguments.directory)?;
    }
    clap_mangen::generate_to(command, &arguments.directory)?;
    Ok(())
}
