//! `bulla key`: the keys of builders.

use std::path::PathBuf;

use bulla_terminal::{Failure, stderr, stdout};
use clap::{Args, Subcommand};

/// Make keys for builders (CI); people sign with the SSH keys they have
#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Write a new key to FILE (PKCS#8 PEM, mode 0600) and its public half to FILE.pub
    ///
    /// Prints the public half, as `bulla init --builder` and the policy take it.
    Generate {
        /// Where the private half goes; an existing file is not overwritten
        #[arg(value_name = "FILE")]
        path: PathBuf,
    },
}

pub(super) fn run(arguments: &KeyArguments) -> Result<(), Failure> {
    match &arguments.command {
        KeyCommand::Generate { path } => {
            let public = crate::key::generate(path)?;
            let public_path = crate::key::public_half(path);
            stderr::say(format_args!(
                "wrote `{}` (keep it secret) and `{}`",
                path.display(),
                public_path.display()
            ));
            stderr::say(format_args!("fingerprint {}", public.fingerprint()));
            Ok(stdout::line(public.to_openssh())?)
        }
    }
}
