//! Which host file counts for a command, and reading it.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::host::HostConfig;
use super::parse;
use crate::platform::files::Attempt as _;
use crate::site::Server;

/// A host file, there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    path: PathBuf,
    is_named: bool,
}

impl HostFile {
    /// The host file of a server whose directories are the usual ones.
    pub const DEFAULT: &str = "/etc/bulla/server.toml";
    /// Most bytes in a host file.
    const LIMIT: u64 = 1024 * 1024;

    /// Takes the file that a person named. It must be there to be read.
    pub fn named(path: PathBuf) -> Self {
        let is_named = path != Path::new(Self::DEFAULT);
        Self { path, is_named }
    }

    /// Returns the usual file, where it can count: a command that is given other directories is about
    /// another server than the one that the file describes.
    pub fn usual(root: Option<&Path>, state: Option<&Path>) -> Option<Self> {
        let is_usual =
            |path: Option<&Path>, usual: &str| path.is_none_or(|path| path == Path::new(usual));
        let is_usual =
            is_usual(root, Server::DEFAULT_ROOT) && is_usual(state, Server::DEFAULT_STATE);
        is_usual.then(|| Self::named(Self::DEFAULT.into()))
    }

    /// Returns where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether a person named it, and not the usual one.
    pub const fn is_named(&self) -> bool {
        self.is_named
    }

    /// Reads what the file says. Without the usual file, all is as usual.
    pub fn read(&self) -> Result<HostConfig, ConfigError> {
        match self.text()? {
            Some(text) => self.parse(&text),
            None if self.is_named => Err(ConfigError::Missing {
                path: self.path.clone(),
            }),
            None => Ok(HostConfig::default()),
        }
    }

    /// Reads the file; `None` when there is none. It is refused where other users could have written
    /// it, as ssh does.
    pub(super) fn text(&self) -> Result<Option<Vec<u8>>, ConfigError> {
        let file = match bulla_files::open_file(&self.path) {
            Err(error) if error.io_kind() == Some(ErrorKind::NotFound) => return Ok(None),
            opened => opened?,
        };
        bulla_files::require_unshared(&self.path)?;
        let mut text = Vec::new();
        let mut most = file.take(Self::LIMIT + 1);
        most.read_to_end(&mut text).attempt("read", &self.path)?;
        if text.len() as u64 > Self::LIMIT {
            return Err(ConfigError::TooLarge {
                path: self.path.clone(),
                limit: Self::LIMIT,
            });
        }
        Ok(Some(text))
    }

    pub(super) fn parse(&self, text: &[u8]) -> Result<HostConfig, ConfigError> {
        parse::parse(text).map_err(|problems| ConfigError::Wrong {
            path: self.path.clone(),
            problems,
        })
    }
}
