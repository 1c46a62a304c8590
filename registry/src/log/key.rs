//! The log's Ed25519 key: signs checkpoints and nothing else. It authorises nothing, but its
//! holder can show two histories in the registry's place, so only its owner may read it.

use std::io;
use std::path::Path;

use bulla_trust::SigningKey;
use zeroize::Zeroizing;

use super::error::LogError;

/// Reads the key, or makes it at the first start.
pub(super) fn open(path: &Path) -> Result<SigningKey, LogError> {
    if let Some(pem) = bulla_files::read(path)? {
        let pem = Zeroizing::new(pem);
        let damaged = |source| LogError::Key {
            path: path.display().to_string(),
            source,
        };
        let text = std::str::from_utf8(&pem).map_err(|error| damaged(error.into()))?;
        return SigningKey::from_pem(text).map_err(|error| damaged(error.into()));
    }
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut seed[..])
        .map_err(|error| LogError::System(io::Error::other(error.to_string())))?;
    let key = SigningKey::from_seed(&seed);
    // Temporary files are made 0600, and the mode stays.
    bulla_files::write(path, key.to_pem().as_bytes())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn makes_a_key_once_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log-key.pem");
        let key = open(&path).unwrap().public_key();
        assert_eq!(open(&path).unwrap().public_key(), key);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(open(&path), Err(LogError::Key { .. })));
    }
}
