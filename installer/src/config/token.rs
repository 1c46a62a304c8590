//! The token in a file that the host file or enrolment names.

use std::path::Path;

use bulla_registry_client::{TokenError, read_token};
use secrecy::SecretString;

/// Reads it. The file is refused where other users could have written it, as the host file is.
pub(crate) fn read(path: &Path) -> Result<SecretString, TokenError> {
    bulla_files::open_file(path)?;
    bulla_files::require_unshared(path)?;
    read_token(path)
}

/// Says that everybody can read a secret.
pub(crate) fn read_by_all(path: &Path, secret: &str) -> Option<String> {
    const EVERYBODY_READS: u32 = 0o004;
    let is_open = bulla_files::open_mode(path)? & EVERYBODY_READS != 0;
    is_open.then(|| {
        let path = path.display();
        format!(
            "every user of this machine can read {secret} in `{path}`; `chmod o-r {path}` ends that"
        )
    })
}
