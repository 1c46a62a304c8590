//! Tokens that lie in files.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bulla_files::{Attempt as _, FileError};
use bulla_schemas::outcome::{FailureKind, Outcome};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Most bytes of a file that holds a token.
const MOST: u64 = 16 * 1024;

/// Where what a process has open is found.
const OPEN: [&str; 2] = ["/dev/fd", "/proc"];

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds something else.
    #[error("expected a token in `{}`, found {found}", path.display())]
    NotToken {
        /// The file.
        path: PathBuf,
        /// What is in it.
        found: &'static str,
    },
}

impl Outcome for TokenError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::NotToken { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::NotToken { .. } => {
                Some("`bulla-registry token create` prints one as its last line".to_owned())
            }
        }
    }
}

/// Reads the token in a file, or in a pipe that is open already: a shell's `<(command)` is one. A
/// pipe with a name of its own is refused, because it might be waited for without end.
pub fn read_token(path: &Path) -> Result<SecretString, TokenError> {
    let is_open = OPEN.iter().any(|folder| path.starts_with(folder));
    if !is_open && is_pipe(path) {
        return Err(FileError::WrongType {
            path: path.to_owned(),
            expected: "a file",
            found: "a named pipe",
        }
        .into());
    }
    let not_token = |found| TokenError::NotToken {
        path: path.to_owned(),
        found,
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    File::open(path)
        .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        .attempt("read the token in", path)?;
    if bytes.len() as u64 > MOST {
        return Err(not_token("more than 16 KiB"));
    }
    match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => Err(not_token("nothing")),
        Ok(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(not_token("spaces, lines or characters that no token has"))
        }
        Ok(token) => Ok(token.into()),
        Err(_) => Err(not_token("bytes that are not text")),
    }
}

fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn reads_one_token_and_refuses_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "  bulla_abc\n\n").unwrap();
        assert_eq!(read_token(&path).unwrap().expose_secret(), "bulla_abc");
        for (content, found) in [
            (&b" \n"[..], "nothing"),
            (b"\xff", "not text"),
            (b"TOKEN=a b", "that no token has"),
            (b"one\ntwo\n", "that no token has"),
            (b"a\0b", "that no token has"),
            (&vec![b'a'; 20_000], "more than 16 KiB"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = read_token(&path).unwrap_err();
            assert!(error.to_string().contains(found), "{error}");
            assert_eq!(error.kind(), FailureKind::Usage);
        }
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let error = read_token(&pipe).unwrap_err();
        assert!(error.to_string().contains("is a named pipe"), "{error}");
        let error = read_token(folder.path()).unwrap_err();
        assert!(matches!(error, TokenError::File(_)), "{error}");
        let error = read_token(Path::new("/dev/zero")).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}
