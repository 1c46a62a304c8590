//! `bulla completions`: what a shell completes, from the same words as the help.

use clap::Args;
use clap_complete::Shell;

use super::failure::Failure;
use super::{examples, output};

/// Writes a shell's completions to stdout.
#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArguments) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut examples::command(),
        "bulla",
        &mut text,
    );
    output::write(&String::from_utf8_lossy(&text))
}
