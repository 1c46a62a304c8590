//! What stands after `manifests/`: a tag or a digest (OCI Distribution 1.1, "Pulling manifests").

use std::fmt;
use std::str::FromStr;

use crate::oci::digest::{OciDigest, OciDigestError};

/// A name for a manifest: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tag(String);

/// A tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A name.
    Tag(Tag),
    /// The manifest itself.
    Digest(OciDigest),
}

/// Why a text is neither a tag nor a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReferenceError {
    /// It has a colon, which only digests have.
    #[error(transparent)]
    Digest(#[from] OciDigestError),
    /// Not a tag.
    #[error(
        "a tag is 1 to 128 of letters, digits, `.`, `_`, `-` and does not begin with `.` or `-`; found {found:?}"
    )]
    Tag {
        /// What stood there.
        found: String,
    },
}

impl Tag {
    /// Returns the text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=128).contains(&text.len())
            && first(text.as_bytes()[0])
            && text
                .bytes()
                .all(|byte| first(byte) || b".-".contains(&byte))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReferenceError::Tag {
                found: text.chars().take(140).collect(),
            })
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            Ok(Self::Digest(text.parse()?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_makes_a_digest() {
        assert!(matches!("v1.0".parse(), Ok(Reference::Tag(_))));
        assert!(matches!(
            "sha256:baddigeststring".parse::<Reference>(),
            Err(ReferenceError::Digest(_))
        ));
        for wrong in ["", ".", "..", "-a", "a/b", "é", &"x".repeat(129)] {
            assert!(wrong.parse::<Reference>().is_err(), "{wrong}");
        }
    }
}
