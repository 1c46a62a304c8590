//! The log's Ed25519 key: signs checkpoints and nothing else. It authorises nothing, but its
//! holder can show two histories in the registry's place, so only its owner may read it. It is made once,
//! where no log is yet, and the next one when an operator asks for it: readers refuse checkpoints by a key
//! that the policy does not name.

use std::io;
use std::path::{Path, PathBuf};

use bulla_files::Attempt as _;
use bulla_trust::{CheckedPolicy, LogState, SignatureType, SigningKey, VerifierKey};
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

/// Makes a key where none lies, and returns the one that lies there then: two who make one at once have
/// the same.
pub(super) fn make(path: &Path) -> Result<SigningKey, LogError> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut seed[..])
        .map_err(|error| LogError::System(io::Error::other(error.to_string())))?;
    let key = SigningKey::from_seed(&seed);
    // Temporary files are made 0600, and the mode stays.
    if bulla_files::write_once(path, key.to_pem().as_bytes())? {
        return Ok(key);
    }
    let gone = || Err(io::Error::from(io::ErrorKind::NotFound)).attempt("read", path);
    Ok(read(path)?.map_or_else(gone, Ok)?)
}

/// Returns where the key lies that is to follow the one in a file.
pub(super) fn next(path: &Path) -> PathBuf {
    path.with_file_name("log-key-next.pem")
}

/// Returns the line by which a policy of the log with this name names a key.
pub(super) fn line(origin: &str, key: &SigningKey) -> Result<VerifierKey, LogError> {
    let line = VerifierKey::new(origin, SignatureType::Note, key.public_key())?;
    Ok(line)
}

/// Tells whether the policy in effect names a key.
pub(super) fn is_named(state: &LogState, key: &SigningKey) -> bool {
    let public = key.public_key();
    let keys = state.checked_policy().map(CheckedPolicy::log_keys);
    keys.is_some_and(|keys| keys.iter().any(|known| *known.key() == public))
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
    if state.policy().is_none() || is_named(state, key) {
        return Ok(());
    }
    Err(LogError::OtherKey {
        path: path.display().to_string(),
        named: named(state),
    })
}

/// Refuses to do without the key of a log that leads to `state`.
pub(super) fn lost(state: Option<&LogState>, path: &Path) -> LogError {
    let origin = state.and_then(LogState::origin);
    let next = origin.and_then(|origin| {
        let next = read(&next(path)).ok()??;
        line(origin, &next).ok()
    });
    LogError::KeyLost {
        path: path.display().to_string(),
        named: state.map(named).unwrap_or_default(),
        next: next.map(|line| line.to_string()),
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

    #[test]
    fn all_who_make_a_key_at_once_have_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log-key-next.pem");
        let made: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| make(&path))).collect();
            let made = makers.into_iter().map(|maker| maker.join().unwrap());
            made.map(|key| key.unwrap().public_key()).collect()
        });
        let kept = read(&path).unwrap().unwrap().public_key();
        assert!(made.iter().all(|key| *key == kept));
    }
}
