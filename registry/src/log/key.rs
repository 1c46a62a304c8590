//! The log's Ed25519 key: signs checkpoints and nothing else. It authorises nothing, but its
//! holder can show two histories in the registry's place, so only its owner may read it. It is made once,
//! where no log is yet: readers refuse checkpoints by a key that the policy does not name.

use std::io;
use std::path::Path;

use bulla_trust::{CheckedPolicy, LogState, SigningKey};
use zeroize::Zeroizing;

use super::error::LogError;

/// Reads the key; nothing where there is none.
pub(super) fn read(path: &Path) -> Result<Option<SigningKey>, LogError> {
    let Some(pem) = bulla_files::read(path)? else {
        return Ok(None);
    };
    let pem = Zeroizing::new(pem);
    let damaged = |source| LogError::Key {
        path: path.display().to_string(),
        source,
    };
    let text = std::str::from_utf8(&pem).map_err(|error| damaged(error.into()))?;
    let key = SigningKey::from_pem(text).map_err(|error| damaged(error.into()))?;
    Ok(Some(key))
}

/// Makes the key of a log that begins.
pub(super) fn make(path: &Path) -> Result<SigningKey, LogError> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut seed[..])
        .map_err(|error| LogError::System(io::Error::other(error.to_string())))?;
    let key = SigningKey::from_seed(&seed);
    // Temporary files are made 0600, and the mode stays.
    bulla_files::write(path, key.to_pem().as_bytes())?;
    Ok(key)
}

/// Returns the lines by which the policy in effect names the keys of its log.
pub(super) fn named(state: &LogState) -> Vec<String> {
    let policy = state.checked_policy();
    let keys = policy.map(CheckedPolicy::log_keys).unwrap_or_default();
    keys.iter().map(ToString::to_string).collect()
}

/// Refuses a key whose checkpoints no reader of a log that leads to `state` would believe.
pub(super) fn require_named(
    state: &LogState,
    key: &SigningKey,
    path: &Path,
) -> Result<(), LogError> {
    let public = key.public_key();
    let policy = state.checked_policy();
    match policy.map(CheckedPolicy::log_keys) {
        Some(keys) if !keys.iter().any(|known| *known.key() == public) => Err(LogError::OtherKey {
            path: path.display().to_string(),
            named: named(state),
        }),
        _ => Ok(()),
    }
}

/// Refuses to do without the key of a log that leads to `state`.
pub(super) fn lost(state: Option<&LogState>, path: &Path) -> LogError {
    LogError::KeyLost {
        path: path.display().to_string(),
        named: state.map(named).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn makes_a_key_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log-key.pem");
        assert!(read(&path).unwrap().is_none());
        let key = make(&path).unwrap().public_key();
        assert_eq!(read(&path).unwrap().unwrap().public_key(), key);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(read(&path), Err(LogError::Key { .. })));
    }
}
