//! Where a token comes from: the environment or a file, never the command line.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use crate::platform::FileError;
use crate::platform::files::OnPath as _;

#[derive(Debug, Args)]
pub(super) struct TokenArguments {
    /// A file that holds the registry's token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The registry's token
    #[arg(
        long = "token-from-environment",
        env = "BULLA_TOKEN",
        hide = true,
        hide_env_values = true
    )]
    token: Option<SecretString>,
}

impl TokenArguments {
    /// Reads the token, if one was given.
    pub(super) fn read(self) -> Result<Option<SecretString>, FileError> {
        match self.token_file {
            Some(path) => {
                let text = fs::read_to_string(&path).on("read the token in", &path)?;
                Ok(Some(SecretString::from(text.trim().to_owned())))
            }
            None => Ok(self.token),
        }
    }
}
