//! `PersistentPath`: what is kept across releases, and whether that is a directory.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::EntryPath;
use crate::path::PathError;

/// A path kept across releases. A `/` at its end says that it is a directory, which the installer
/// creates if missing; without one it is a file, which a person puts there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersistentPath {
    path: EntryPath,
    /// As it was written, with the `/`.
    text: String,
}

impl PersistentPath {
    /// Returns the path without a `/` at its end.
    pub const fn path(&self) -> &EntryPath {
        &self.path
    }

    /// Returns the path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether it was written as a directory.
    pub fn is_directory(&self) -> bool {
        self.text.ends_with('/')
    }

    /// Tells whether it was written in the form that once was taken for a directory: no `/`, and no
    /// dot in its name. Documents of that time keep their meaning; recipes are told.
    pub fn is_unclear(&self) -> bool {
        !self.is_directory() && !self.path.file_name().contains('.')
    }
}

impl FromStr for PersistentPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for PersistentPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        let path = text.strip_suffix('/').unwrap_or(&text).parse()?;
        Ok(Self { path, text })
    }
}

impl From<PersistentPath> for String {
    fn from(path: PersistentPath) -> Self {
        path.text
    }
}

impl AsRef<str> for PersistentPath {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PersistentPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for PersistentPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PersistentPath({:?})", self.text)
    }
}

crate::text::string_schema!(
    PersistentPath,
    "^[^/\\u0000-\\u001f\\u007f]+(/[^/\\u0000-\\u001f\\u007f]+)*/?$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_says_directory() {
        let read = |text: &str| text.parse::<PersistentPath>().unwrap();
        for (text, is_directory, is_unclear) in [
            ("var/uploads/", true, false),
            ("conf.d/", true, false),
            ("config/local.php", false, false),
            (".env", false, false),
            ("var/uploads", false, true),
            ("app.d/key", false, true),
        ] {
            let path = read(text);
            assert_eq!(path.is_directory(), is_directory, "{text}");
            assert_eq!(path.is_unclear(), is_unclear, "{text}");
            assert_eq!(path.path().as_str(), text.trim_end_matches('/'));
            assert_eq!(serde_json::to_value(&path).unwrap(), text);
        }
        for wrong in ["", "/", "a//", "/a/", "../a/", "a/./"] {
            assert!(wrong.parse::<PersistentPath>().is_err(), "{wrong}");
        }
    }
}
