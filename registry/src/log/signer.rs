//! Which key signs: the log's, until a policy names the one that was made to follow it.
//!
//! ```text
//! log-key.pem        signs
//! log-key-next.pem   made by `bulla-registry log-key --next`; signs from the checkpoint on whose policy
//!                    names it, and is `log-key.pem` then
//! ```
//!
//! A checkpoint is verified by the policy that its entries lead to, so the first one under a new key is
//! the one that covers the policy, and nothing has to be signed twice. That is also how a log goes on
//! whose key is lost: with the next one alone nothing is appended before a policy that names it.

use std::path::{Path, PathBuf};

use bulla_trust::{Checkpoint, LogState, PublicKey, SigningKey, VerifierKey};

use super::error::LogError;
use super::key;

/// The keys of this registry's log.
pub(super) struct Signer {
    path: PathBuf,
    /// None where it is lost, and the next one is there.
    current: Option<SigningKey>,
}

impl Signer {
    /// Takes the key that was read from a file.
    pub(super) fn new(path: &Path, current: Option<SigningKey>) -> Self {
        Self {
            path: path.to_owned(),
            current,
        }
    }

    /// Returns the key that signs now; none where it is lost.
    pub(super) const fn current(&self) -> Option<&SigningKey> {
        self.current.as_ref()
    }

    /// Returns the public halves of the keys that may sign, the one to come among them.
    pub(super) fn public_keys(&self) -> Result<Vec<PublicKey>, LogError> {
        let next = key::read(&key::next(&self.path))?;
        let keys = next.iter().chain(&self.current);
        Ok(keys.map(SigningKey::public_key).collect())
    }

    /// Refuses a state over which nothing can be signed: the key is lost, and the policy does not name
    /// the next one.
    pub(super) fn require_for(&self, state: &LogState) -> Result<(), LogError> {
        if self.current.is_some() {
            return Ok(());
        }
        let origin = state.origin().unwrap_or_default();
        match key::read(&key::next(&self.path))? {
            Some(next) if key::is_named(state, &next) => Ok(()),
            Some(next) => Err(LogError::AwaitsKey {
                key: key::line(origin, &next)?.to_string(),
            }),
            None => Err(key::lost(Some(state), &self.path)),
        }
    }

    /// Signs a checkpoint over a state under the log's name, with the newest key that its policy names.
    pub(super) fn sign(&self, state: &LogState) -> Result<Vec<u8>, LogError> {
        let next = key::read(&key::next(&self.path))?;
        let next = next.filter(|next| key::is_named(state, next));
        let checkpoint = Checkpoint {
            // Only a policy can be the first entry that has an effect.
            origin: state.origin().unwrap_or_default().to_owned(),
            size: state.size(),
            root: state.root(),
        };
        let key = next.as_ref().or(self.current.as_ref());
        let key = key.ok_or_else(|| key::lost(Some(state), &self.path))?;
        Ok(checkpoint.sign(key)?.to_bytes())
    }

    /// Takes the next key for the log's own, where the policy in effect names it. When that fails, or
    /// something ends it, the next start does it.
    pub(super) fn settle(&mut self, state: &LogState) -> Result<(), LogError> {
        let path = key::next(&self.path);
        let Some(next) = key::read(&path)?.filter(|next| key::is_named(state, next)) else {
            return Ok(());
        };
        bulla_files::rename(&path, &self.path)?;
        tracing::info!("the log is signed with its next key from now on");
        self.current = Some(next);
        Ok(())
    }
}

/// The line by which a policy names a key of this registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyLine {
    /// That of the key that signs.
    Current,
    /// That of the key that is to follow, which is made where there is none.
    Next,
}

impl KeyLine {
    /// Reads the key beside the log, or makes the next one. `origin` is the log's name.
    pub(crate) fn read(self, path: &Path, origin: &str) -> Result<VerifierKey, LogError> {
        let next = key::next(path);
        let key = match self {
            Self::Current => key::read(path)?.ok_or_else(|| key::lost(None, path))?,
            Self::Next => match key::read(&next)? {
                Some(key) => key,
                None => key::make(&next)?,
            },
        };
        key::line(origin, &key)
    }
}

/// Tells whether some policy of a log names the key in a PEM text: it is this log's, or was.
pub(crate) fn is_of_log(state: &LogState, pem: &[u8]) -> bool {
    let text = std::str::from_utf8(pem).unwrap_or_default();
    let Ok(key) = SigningKey::from_pem(text) else {
        return false;
    };
    let public = key.public_key();
    let mut named = state
        .policies()
        .flat_map(|version| version.checked.log_keys());
    named.any(|known| *known.key() == public)
}
