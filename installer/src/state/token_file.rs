//! Which file holds the registry's token. It is bound to the registry's address: a server that
//! moves does not show its token to another registry.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::StateError;
use super::json;

#[derive(Debug, Serialize, Deserialize)]
struct TokenFile {
    /// The registry that the token is for.
    url: Url,
    /// The file, from the root on.
    path: PathBuf,
}

/// Remembers the file that holds the token for the registry at `url`.
pub(crate) fn write(path: &Path, url: Url, token: PathBuf) -> Result<(), StateError> {
    json::write(path, &TokenFile { url, path: token })
}

/// Returns the file that holds the token for the registry at `url`, if one is remembered.
pub(crate) fn read(path: &Path, url: &Url) -> Result<Option<PathBuf>, StateError> {
    let remembered: Option<TokenFile> = json::read(path)?;
    let same = remembered.filter(|remembered| remembered.url == *url);
    Ok(same.map(|remembered| remembered.path))
}
