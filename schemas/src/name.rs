//! What may be named how: projects, channels, people and builders. A long log has each of these names
//! many times, and copies share one text.

use std::sync::Arc;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Too short, too long, or a character that names do not have.
    #[error(
        "a name is 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-` and begins with a letter or digit; found {found:?}"
    )]
    Name {
        /// What stood there.
        found: String,
    },
    /// A channel that could be taken for a shortened hash.
    #[error(
        "a channel's name must not look like a hash, found {found:?}; add a letter beyond `f` or a `-`"
    )]
    LooksLikeHash {
        /// What stood there.
        found: String,
    },
    /// Not the name of a host.
    #[error(
        "a host is 1 to 253 of `a-z`, `0-9`, `.`, `_`, `-` and begins with a letter or digit, such \
         as `web1` or `web1.acme.example`; found {found:?}"
    )]
    Host {
        /// What stood there.
        found: String,
    },
    /// Not an OCI repository name.
    #[error(
        "a project is an OCI repository name such as `acme/billing` (parts of `a-z` and `0-9`, \
         joined inside by `.`, `_`, `__` or `-`, at most 128 bytes); found {found:?}"
    )]
    Project {
        /// What stood there.
        found: String,
    },
    /// A part of the project's name is the name of a folder that every project's folder has.
    #[error(
        "`{part}` is a folder in every project's folder on a server and cannot be part of a project's name, found {found:?}"
    )]
    Reserved {
        /// What stood there.
        found: String,
        /// The reserved part.
        part: String,
    },
}

/// The name of a person or a builder: `[a-z0-9][a-z0-9._-]{0,63}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

impl Name {
    fn check(text: &str) -> Result<(), NameError> {
        if is_name(text) {
            Ok(())
        } else {
            Err(NameError::Name {
                found: excerpt(text),
            })
        }
    }
}

crate::text::text_type!(Name, NameError, "^[a-z0-9][a-z0-9._-]{0,63}$");

/// The name of a channel: a name that cannot be taken for a shortened hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    fn check(text: &str) -> Result<(), NameError> {
        if !is_name(text) {
            return Err(NameError::Name {
                found: excerpt(text),
            });
        }
        if text.parse::<crate::DigestPrefix>().is_ok() {
            return Err(NameError::LooksLikeHash {
                found: excerpt(text),
            });
        }
        Ok(())
    }
}

crate::text::text_type!(
    ChannelName,
    NameError,
    "^[a-z0-9][a-z0-9._-]{0,63}$",
    "not": { "pattern": "^[0-9a-f]{8,64}$" }
);

/// The name of a host that reports to a registry: a DNS name in lower case, or any name that has its
/// characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

impl HostName {
    /// Most bytes in a host's name, as in a DNS name (RFC 1035 §2.3.4).
    pub const MAX_LEN: usize = 253;

    fn check(text: &str) -> Result<(), NameError> {
        if is_word(text, Self::MAX_LEN) {
            Ok(())
        } else {
            Err(NameError::Host {
                found: excerpt(text),
            })
        }
    }
}

crate::text::text_type!(HostName, NameError, "^[a-z0-9][a-z0-9._-]{0,252}$");

/// The name of a project, which is also its OCI repository: `acme/billing`.
///
/// OCI Distribution 1.1, "Pulling manifests", names the grammar. The names of the folders in a
/// project's own folder are refused as parts, so that no project can lie in another one's folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(Arc<str>);

impl ProjectName {
    /// Most bytes in a project's name.
    pub const MAX_LEN: usize = 128;
    /// The folders that every project's folder on a server has.
    pub const RESERVED_PARTS: [&str; 4] = ["current", "releases", "persist", "set-aside"];

    fn check(text: &str) -> Result<(), NameError> {
        if text.len() > Self::MAX_LEN || !text.split('/').all(is_repository_part) {
            return Err(NameError::Project {
                found: excerpt(text),
            });
        }
        match text
            .split('/')
            .find(|part| Self::RESERVED_PARTS.contains(part))
        {
            None => Ok(()),
            Some(part) => Err(NameError::Reserved {
                found: excerpt(text),
                part: part.to_owned(),
            }),
        }
    }

    /// Returns the name with `/` as `-`, for file names.
    pub fn file_stem(&self) -> String {
        self.0.replace('/', "-")
    }
}

crate::text::text_type!(
    ProjectName,
    NameError,
    "^[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*$",
    "maxLength": ProjectName::MAX_LEN,
    "not": { "pattern": "(^|/)(current|releases|persist|set-aside)(/|$)" }
);

fn is_name(text: &str) -> bool {
    is_word(text, 64)
}

fn is_word(text: &str, most: usize) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=most).contains(&text.len())
        && text
            .bytes()
            .all(|byte| alphanumeric(byte) || b"._-".contains(&byte))
        && alphanumeric(text.as_bytes()[0])
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_repository_part(part: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    if !bytes.first().is_some_and(word) || !bytes.last().is_some_and(word) {
        return false;
    }
    bytes
        .split(word)
        .filter(|separator| !separator.is_empty())
        .all(|separator| {
            matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
        })
}

fn excerpt(text: &str) -> String {
    text.chars().take(140).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_names_people_use() {
        for name in ["alice", "ci", "web-1.example", "0"] {
            assert!(name.parse::<Name>().is_ok(), "{name}");
        }
        for host in ["web1", "web-1.acme.example", "10.0.0.7", &"x".repeat(253)] {
            assert!(host.parse::<HostName>().is_ok(), "{host}");
        }
        for channel in ["dev", "prod", "customer-a", "2026-stable"] {
            assert!(channel.parse::<ChannelName>().is_ok(), "{channel}");
        }
        for project in [
            "billing",
            "acme/billing",
            "a/b/c",
            "x__y",
            "x--y",
            "a.b/c_d",
        ] {
            assert!(project.parse::<ProjectName>().is_ok(), "{project}");
        }
    }

    #[test]
    fn refuses_what_could_mean_something_else() {
        for name in ["", "Alice", "-x", ".x", "a b", "a/b", "é", &"x".repeat(65)] {
            assert!(name.parse::<Name>().is_err(), "{name}");
        }
        for host in [
            "",
            "Web1",
            ".",
            "..",
            "-x",
            "a/b",
            "web1\n",
            &"x".repeat(254),
        ] {
            assert!(host.parse::<HostName>().is_err(), "{host}");
        }
        assert!(matches!(
            "deadbeef".parse::<ChannelName>(),
            Err(NameError::LooksLikeHash { .. })
        ));
        for project in [
            "", "/a", "a/", "a//b", "A", "a..b", "a___b", "-a", "a-", "../a", "a/../b",
        ] {
            assert!(project.parse::<ProjectName>().is_err(), "{project}");
        }
        for part in ProjectName::RESERVED_PARTS {
            for project in [format!("acme/{part}"), format!("{part}/acme")] {
                assert!(matches!(
                    project.parse::<ProjectName>(),
                    Err(NameError::Reserved { .. })
                ));
            }
        }
    }
}
