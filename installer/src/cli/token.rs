//! Where a token comes from: the environment or a file, given now or at enrolment; never the
//! command line.

use std::path::PathBuf;

use bulla_registry_client::read_token;
use bulla_terminal::{Failure, stderr};
use clap::Args;
use secrecy::SecretString;

use super::path::whole_path;
use crate::config::{read_by_all, read_token_file};
use crate::fetch::{Token, TokenOrigin};

#[derive(Debug, Clone, Args)]
pub(super) struct TokenArguments {
    /// A file that holds the registry's token
    #[arg(long, value_name = "FILE", value_parser = whole_path())]
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
    /// Returns the file that was given.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.token_file.clone()
    }

    /// Reads the token: from the file that was given, the environment, or the file remembered.
    pub(super) fn read(
        self,
        remembered: impl FnOnce() -> Option<PathBuf>,
    ) -> Result<Option<Token>, Failure> {
        let path = match (self.token_file, self.token) {
            // A person may name a shell's pipe.
            (Some(path), _) => return from_file(path).map(Some),
            (None, Some(secret)) => {
                return Ok(Some(Token {
                    secret,
                    origin: TokenOrigin::Environment,
                }));
            }
            (None, None) => remembered(),
        };
        path.map(from_kept_file).transpose()
    }
}

/// Reads the token in a file that the host file or enrolment names.
pub(super) fn from_kept_file(path: PathBuf) -> Result<Token, Failure> {
    let secret = read_token_file(&path)?;
    if let Some(warning) = read_by_all(&path, "the token") {
        stderr::warn(warning);
    }
    Ok(Token {
        secret,
        origin: TokenOrigin::File(path),
    })
}

fn from_file(path: PathBuf) -> Result<Token, Failure> {
    Ok(Token {
        secret: read_token(&path)?,
        origin: TokenOrigin::File(path),
    })
}
