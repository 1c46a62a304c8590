//! `bulla-installer generate DIRECTORY`: manual pages and completions, for packages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Program;
use super::output::DONE;
use crate::error::{Error, OnPath as _};

/// Write manual pages and shell completions
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to write them
    directory: PathBuf,
}

impl Arguments {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let directory = &self.directory;
        fs::create_dir_all(directory).on("create the directory", directory)?;
        clap_mangen::generate_to(Program::command(), directory).on("write to", directory)?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(
                shell,
                &mut Program::command(),
                "bulla-installer",
                directory,
            )
            .on("write to", directory)?;
        }
        Ok(DONE)
    }
}
