//! The keys of builders: one file each, PKCS#8 v1 PEM, which OpenSSL and others read too.
//!
//! ```text
//! ci.key       -----BEGIN PRIVATE KEY----- ...   mode 0600
//! ci.key.pub   ssh-ed25519 AAAA... ci            for the policy
//! ```

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bulla_files::{Attempt as _, Draft, FileError, Readers};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::key::{KeyError, PublicKey, SigningKey};
use zeroize::Zeroizing;

/// Most bytes of a file that holds a key.
const LIMIT: u64 = 16 * 1024;

/// Why a builder's key cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CiKeyError {
    /// The file is there already.
    #[error("`{}` exists and is not overwritten", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no file.
    #[error("there is no key in `{}`: it does not exist", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else.
    #[error("`{place}` is not a builder's key: found {found}")]
    Key {
        /// The file or variable.
        place: String,
        /// What it begins with.
        found: String,
        /// The reason.
        #[source]
        source: KeyError,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl Outcome for CiKeyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Exists { .. } | Self::Key { .. } => FailureKind::Usage,
            Self::File(error) => error.kind(),
            Self::Missing { .. } | Self::Random(_) => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("give another name, or move the file away".to_owned()),
            Self::Missing { path } => Some(format!(
                "name the file of a builder's key; `bulla key generate {}` makes a new one, and `bulla \
                 builder add NAME {}` lets it release",
                path.display(),
                public_half(path).display()
            )),
            Self::Key { source, .. } => source.hint(),
            Self::File(error) => error.hint(),
            Self::Random(_) => None,
        }
    }
}

/// Makes a key, writes both halves durably and returns the public one.
pub fn generate(path: &Path) -> Result<PublicKey, CiKeyError> {
    let public_path = public_half(path);
    if public_path.exists() {
        return Err(CiKeyError::Exists { path: public_path });
    }
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(CiKeyError::Random)?;
    let key = SigningKey::from_seed(&seed);
    let public = key.public_key();
    let comment = path.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("{} {comment}\n", public.to_openssh());
    create(path, Readers::Owner, key.to_pem().as_bytes())?;
    create(&public_path, Readers::Umask, line.as_bytes())?;
    Ok(public)
}

/// Reads a builder's key.
pub fn read(path: &Path) -> Result<SigningKey, CiKeyError> {
    let mut pem = Zeroizing::new(String::new());
    let missing = |error: FileError| match error.io_kind() {
        Some(ErrorKind::NotFound) => CiKeyError::Missing {
            path: path.to_owned(),
        },
        _ => error.into(),
    };
    bulla_files::open_file(path)
        .map_err(missing)?
        .take(LIMIT)
        .read_to_string(&mut pem)
        .attempt("read", path)?;
    parse(&path.to_string_lossy(), &pem)
}

/// Reads a builder's key out of a text that was found in `place`.
pub fn parse(place: &str, pem: &str) -> Result<SigningKey, CiKeyError> {
    SigningKey::from_pem(pem).map_err(|source| {
        let found = first_line(pem);
        let place = place.to_owned();
        CiKeyError::Key {
            place,
            found,
            source,
        }
    })
}

/// Names what a file begins with, where that is no secret.
fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    match line.split_ascii_whitespace().next() {
        None => "nothing".to_owned(),
        Some("-----BEGIN") => format!("`{}`", line.chars().take(60).collect::<String>()),
        Some(word) if word.starts_with("ssh-") => "a public key".to_owned(),
        Some(_) => "another text".to_owned(),
    }
}

/// Returns where the public half of a key lies.
pub fn public_half(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// Writes a file that does not exist yet, durably.
fn create(path: &Path, readers: Readers, content: &[u8]) -> Result<(), CiKeyError> {
    let exists = || CiKeyError::Exists {
        path: path.to_owned(),
    };
    if path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let mut draft = Draft::begin(path, readers)?;
    draft.file().write_all(content).attempt("write", path)?;
    if draft.put_new()? {
        Ok(())
    } else {
        Err(exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_readable_by_its_owner_only_and_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ci.key");
        let public = generate(&path).unwrap();
        assert_eq!(read(&path).unwrap().public_key(), public);
        let line = std::fs::read_to_string(directory.path().join("ci.key.pub")).unwrap();
        assert_eq!(line.parse::<PublicKey>().unwrap(), public);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(matches!(generate(&path), Err(CiKeyError::Exists { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(generate(&path), Err(CiKeyError::Exists { .. })));
    }
}
