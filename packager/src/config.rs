//! The configuration file, `~/.config/bulla/config.toml`: what a person would otherwise type
//! with every command.
//!
//! ```toml
//! registry = "https://releases.acme.example"
//! anchor = "releases.acme.example/bulla+812+9f2c..."
//! token-file = "/home/alice/.config/bulla/token"
//! ssh-key = "/home/alice/.ssh/id_ed25519.pub"
//!
//! # On a machine that publishes:
//! key = "/etc/bulla/ci.pem"
//! signer = "/etc/bulla/sign --with token"
//! ```

use std::io;
use std::path::{Path, PathBuf};

use bulla_registry_client::registry_url;
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::{FailureKind, Outcome};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::Url;

/// What the configuration file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The registry.
    #[serde(deserialize_with = "registry")]
    pub registry: Option<Url>,
    /// Where the registry's log is trusted from.
    pub anchor: Option<Anchor>,
    /// The file that holds the token for the registry.
    pub token_file: Option<PathBuf>,
    /// The public half of the SSH key to sign with.
    pub ssh_key: Option<PathBuf>,
    /// The builder's key, or its public half where a program signs.
    pub key: Option<PathBuf>,
    /// The program that signs as the builder.
    pub signer: Option<String>,
}

fn registry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    registry_url(&text).map(Some).map_err(D::Error::custom)
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is there but cannot be read.
    #[error("cannot read the configuration file `{}`", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// Not TOML, an unknown key or a wrong value.
    #[error("the configuration file `{}` is wrong", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The reason, with line and key.
        #[source]
        source: toml::de::Error,
    },
}

impl Outcome for ConfigError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Io { .. } => FailureKind::Failed,
            Self::Toml { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Toml { .. } => Some(
                "the keys are `registry`, `anchor`, `token-file`, `ssh-key`, `key` and `signer`, all optional"
                    .to_owned(),
            ),
        }
    }
}

impl Config {
    /// Reads the file; one that does not exist says nothing.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|source| ConfigError::Toml {
                path: path.to_owned(),
                source,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Io {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_optional_and_an_unknown_one_is_named_with_its_line() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
        let config = Config::parse("registry = \"http://localhost:5000\"\nssh-key = \"/k.pub\"");
        assert_eq!(config.unwrap().ssh_key, Some("/k.pub".into()));
        let error = Config::parse("registry = \"http://localhost:5000\"\nregisty = \"x\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 2") && error.contains("registy"),
            "{error}"
        );
    }

    #[test]
    fn refuses_an_anchor_that_is_none() {
        let error = Config::parse("anchor = \"bulla\"").unwrap_err().to_string();
        assert!(error.contains("origin+size+root"), "{error}");
    }
}
