//! The token for another registry: from the environment or a file, never from the command line.

use std::path::PathBuf;

use bulla_registry_client::read_token;
use bulla_terminal::Failure;
use secrecy::{ExposeSecret as _, SecretString};

/// The token for another registry.
#[derive(Debug, clap::Args)]
pub(super) struct RegistryToken {
    /// A file with the token for the other registry; `BULLA_TOKEN` is the token itself
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The token for the other registry
    #[arg(
        long = "token-from-environment",
        env = "BULLA_TOKEN",
        hide = true,
        hide_env_values = true
    )]
    token: Option<SecretString>,
}

impl RegistryToken {
    /// Reads the token, where there is one.
    pub(super) fn read(self) -> Result<Option<SecretString>, Failure> {
        match self.token_file {
            Some(path) => Ok(Some(read_token(&path)?)),
            // An empty variable is none.
            None => Ok(self.token.filter(|token| !token.expose_secret().is_empty())),
        }
    }
}
