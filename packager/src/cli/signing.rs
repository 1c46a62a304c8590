//! Who signs as a builder, as several commands name it.

use std::path::Path;

use bulla_terminal::Failure;
use clap::Args;
use zeroize::Zeroizing;

use super::environment;
use super::session::Session;
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
    /// Returns who signs. `key` is the file of the key, or of its public half where a program signs. Where
    /// neither is named, it is what the configuration says; of that, a key of another place gets no program.
    pub(super) fn signer(&self, session: &Session, key: Option<&Path>) -> Result<Signer, Failure> {
        let key = key.filter(|path| !path.as_os_str().is_empty());
        let line = self.signer.as_deref().filter(|line| !line.is_empty());
        let text = environment::variable("BULLA_KEY_TEXT").map(Zeroizing::new);
        let (usual_key, usual_line) = session.configured_builder();
        match (key, line, text) {
            (None, None, None) => sign_with(usual_key, usual_line),
            (None, Some(line), _) => sign_with(usual_key, Some(line)),
            (None, None, Some(text)) => Ok(Signer::Key(key::parse("BULLA_KEY_TEXT", &text)?)),
            (Some(key), line, _) => sign_with(Some(key), line),
        }
    }
}

fn sign_with(key: Option<&Path>, line: Option<&str>) -> Result<Signer, Failure> {
    match (key, line) {
        (Some(path), None) => Ok(Signer::Key(key::read(path)?)),
        (Some(path), Some(line)) => {
            let public = PersonalKey::read(path)?.public;
            Ok(Signer::Program(SignerProgram::new(line, public)?))
        }
        (None, Some(_)) => Err(
            Failure::usage("the signer's public key is not named").with_hint(
                "give its file with --key, BULLA_KEY or `key` of the configuration: a line `ssh-ed25519 \
                 AAAA...`, as the policy has it",
            ),
        ),
        (None, None) => Err(Failure::usage("no builder's key is named").with_hint(
            "give its file with --key, BULLA_KEY or `key` of ~/.config/bulla/config.toml, the key itself in \
             BULLA_KEY_TEXT, or a program that signs with --signer",
        )),
    }
}
