//! How a release wants to be installed: persistent paths, environment, hooks and health checks.
//! The same shape in the recipe and in the release document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::period::Period;

mod persistent_path;

pub use persistent_path::PersistentPath;

/// What the installer does beyond putting files in place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// Paths kept across releases and never part of one; none lies within another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub persist: Vec<PersistentPath>,
    /// Those of the persistent paths, or paths within them, that a person must have put there
    /// before a first install.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<PersistentPath>,
    /// Names of environment variables that must be set on the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<EnvironmentName>,
    /// Commands run around the switch.
    #[serde(default, skip_serializing_if = "Hooks::is_empty")]
    pub hooks: Hooks,
    /// What must hold after the switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// Commands, as argument arrays, run from the release being activated (or left).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Before the switch; failure leaves the old release live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepare: Option<Command>,
    /// After the switch; failure switches back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate: Option<Command>,
    /// In the release being left; failure is logged and blocks nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivate: Option<Command>,
    /// How long each of them may take; five minutes where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
}

impl Hooks {
    /// Tells whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether there is a command to run.
    pub fn has_commands(&self) -> bool {
        self.prepare.is_some() || self.activate.is_some() || self.deactivate.is_some()
    }
}

/// A program and its arguments; never a shell line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Command(#[schemars(length(min = 1))] Vec<String>);

impl Command {
    /// Returns the program and its arguments; never empty.
    pub fn arguments(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Command {
    type Error = InstallError;

    fn try_from(arguments: Vec<String>) -> Result<Self, InstallError> {
        match arguments.first() {
            None => Err(InstallError::EmptyCommand),
            Some(program) if program.is_empty() => Err(InstallError::EmptyCommand),
            Some(_) if arguments.iter().any(|argument| argument.contains('\0')) => {
                Err(InstallError::NulInCommand)
            }
            Some(_) => Ok(Self(arguments)),
        }
    }
}

impl From<Command> for Vec<String> {
    fn from(command: Command) -> Self {
        command.0
    }
}

/// Checks after the switch. All that are given must come to hold within `window`, after `settle`,
/// and then hold until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HealthChecks")]
pub struct Health {
    /// A URL that must answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCheck>,
    /// An address (`host:port`) that must accept a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// A systemd unit that must be active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemd: Option<String>,
    /// A command that must end with status 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// How long to wait before the first check.
    #[serde(default = "Health::default_settle")]
    pub settle: Period,
    /// How long the release is watched: the checks must hold by its end, and not stop holding.
    #[serde(default = "Health::default_window")]
    pub window: Period,
}

impl Health {
    fn default_settle() -> Period {
        Period::seconds(2)
    }

    fn default_window() -> Period {
        Period::seconds(10)
    }
}

/// A URL and what it must answer. Redirects are answers, and are not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// The URL, `http` or `https`.
    pub url: String,
    /// The status expected.
    #[serde(default = "HttpCheck::default_status")]
    pub status: u16,
    /// A text that the answer's body must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Headers that the answer must have, with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The host to ask for, where it is not the URL's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl HttpCheck {
    const fn default_status() -> u16 {
        200
    }
}

/// The name of an environment variable: `[A-Za-z_][A-Za-z0-9_]{0,127}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvironmentName(String);

impl EnvironmentName {
    fn check(text: &str) -> Result<(), InstallError> {
        let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let valid = (1..=128).contains(&text.len())
            && text
                .bytes()
                .all(|byte| letter(byte) || byte.is_ascii_digit())
            && letter(text.as_bytes()[0]);
        if valid {
            Ok(())
        } else {
            Err(InstallError::EnvironmentName {
                found: text.chars().take(140).collect(),
            })
        }
    }
}

crate::text::text_type!(
    EnvironmentName,
    InstallError,
    "^[A-Za-z_][A-Za-z0-9_]{0,127}$"
);

/// Why an install section contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// A command without a program.
    #[error("a command needs a program")]
    EmptyCommand,
    /// An argument that no program can be given.
    #[error("a command's argument has a NUL character")]
    NulInCommand,
    /// Not the name of an environment variable.
    #[error("expected the name of an environment variable such as `DATABASE_URL`, found {found:?}")]
    EnvironmentName {
        /// What stood there.
        found: String,
    },
    /// Two persistent paths of which one holds the other.
    #[error(
        "the persistent path `{inner}` lies within the persistent path `{outer}`; keep one of them"
    )]
    NestedPersist {
        /// The path that holds the other.
        outer: PersistentPath,
        /// The path within, or the same path a second time.
        inner: PersistentPath,
    },
    /// A path that must be there, where nothing is kept.
    #[error("`{path}` is required, but is neither a persistent path nor inside one")]
    RequireNotPersistent {
        /// The path.
        path: PersistentPath,
    },
    /// A health section that checks nothing.
    #[error("a health section needs at least one of `http`, `tcp`, `systemd`, `command`")]
    NoCheck,
}

impl Install {
    /// Checks what serde cannot: no persistent path within another, nothing required that is not
    /// persistent, no empty health section.
    pub fn validate(&self) -> Result<(), InstallError> {
        for (position, inner) in self.persist.iter().enumerate() {
            for (other, outer) in self.persist.iter().enumerate() {
                if position != other && inner.path().is_within(outer.path()) {
                    return Err(InstallError::NestedPersist {
                        outer: outer.clone(),
                        inner: inner.clone(),
                    });
                }
            }
        }
        let is_kept = |required: &&PersistentPath| {
            let mut kept = self.persist.iter();
            kept.any(|persist| required.path().is_within(persist.path()))
        };
        if let Some(path) = self.require.iter().find(|path| !is_kept(path)) {
            return Err(InstallError::RequireNotPersistent { path: path.clone() });
        }
        match &self.health {
            Some(Health {
                http: None,
                tcp: None,
                systemd: None,
                command: None,
                ..
            }) => Err(InstallError::NoCheck),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_persistent_paths_within_each_other() {
        let install = |paths: &[&str]| Install {
            persist: paths.iter().map(|path| path.parse().unwrap()).collect(),
            ..Install::default()
        };
        assert_eq!(
            install(&["var/uploads", "var/cache", "config.php"]).validate(),
            Ok(())
        );
        for paths in [
            ["var", "var/cache"],
            ["var/cache/", "var/"],
            ["var", "var"],
            ["var", "var/"],
        ] {
            assert!(matches!(
                install(&paths).validate(),
                Err(InstallError::NestedPersist { .. })
            ));
        }
    }

    #[test]
    fn requires_only_what_is_persistent() {
        let install = |required: &str| Install {
            persist: vec!["config/".parse().unwrap(), ".env".parse().unwrap()],
            require: vec![required.parse().unwrap()],
            ..Install::default()
        };
        for kept in ["config/", "config/local.php", ".env"] {
            assert_eq!(install(kept).validate(), Ok(()), "{kept}");
        }
        for other in ["var/", "config.php", ".env.local"] {
            assert!(matches!(
                install(other).validate(),
                Err(InstallError::RequireNotPersistent { .. })
            ));
        }
    }

    #[test]
    fn refuses_a_health_section_that_checks_nothing() {
        let health = serde_json::from_str(r#"{"settle":"1s"}"#).unwrap();
        let install = Install {
            health: Some(health),
            ..Install::default()
        };
        assert_eq!(install.validate(), Err(InstallError::NoCheck));
    }
}
