//! Who signs as a builder, as several commands name it.

use std::path::Path;

use bulla_terminal::Failure;
use clap::Args;
use zeroize::Zeroizing;

use super::environment;
use crate::key;
use crate::signer::{Signer, SignerProgram};
use crate::ssh::PersonalKey;

/// A program that signs, instead of a key that is here.
#[derive(Debug, Args)]
pub(super) struct SignerArguments {
    /// A program that signs, such as one that asks a key service; split as in a shell, which is not
    /// started. It is given the bytes on stdin and writes the 64 bytes of the signature in base64
    #[arg(long, value_name = "COMMAND", env = "BULLA_SIGNER")]
    signer: Option<String>,
}

impl SignerArguments {
    /// Returns who signs. `key` is the file of the key, or of its public half where a program signs.
    pub(super) fn signer(&self, key: Option<&Path>) -> Result<Signer, Failure> {
        let key = key.filter(|path| !path.as_os_str().is_empty());
        if let Some(line) = self.signer.as_deref().filter(|line| !line.is_empty()) {
            let path = key.ok_or_else(|| {
                Failure::usage("the signer's public key is not named").with_hint(
                    "give its file with --key or BULLA_KEY: a line `ssh-ed25519 AAAA...`, as the policy has it",
                )
            })?;
            let public = PersonalKey::read(path)?.public;
            return Ok(Signer::Program(SignerProgram::new(line, public)?));
        }
        match (key, environment::variable("BULLA_KEY_TEXT").map(Zeroizing::new)) {
            (Some(path), _) => Ok(Signer::Key(key::read(path)?)),
            (None, Some(text)) => Ok(Signer::Key(key::parse("BULLA_KEY_TEXT", &text)?)),
            (None, None) => Err(Failure::usage("no builder's key is named").with_hint(
                "give its file with --key or BULLA_KEY, the key itself in BULLA_KEY_TEXT, or a program \
                 that signs with --signer",
            )),
        }
    }
}
