//! `Digest`: the sha256 of some bytes, written `sha256:<64 lower-case hex digits>`.
//!
//! The digest of a bundle's OCI manifest is the release's hash, its one name everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A sha256 digest. Orders by its bytes, for sorted collections only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// No or another algorithm in front.
    #[error("expected `sha256:` and 64 lower-case hex digits, found {found:?}")]
    Malformed {
        /// What stood there, cut to a printable length.
        found: String,
    },
    /// A shortened hash that is too short, too long or not hexadecimal.
    #[error("expected 8 to 64 lower-case hex digits (`sha256:` optional), found {found:?}")]
    MalformedPrefix {
        /// What stood there, cut to a printable length.
        found: String,
    },
}

impl Digest {
    /// Bytes in a digest.
    pub const LEN: usize = 32;

    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Takes the 32 bytes that a hasher returned.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses exactly 64 lower-case hex digits, the form used in statements and in the index.
    pub fn from_hex(hex: &str) -> Result<Self, DigestError> {
        parse_hex(hex)
            .map(Self)
            .ok_or_else(|| DigestError::Malformed {
                found: excerpt(hex),
            })
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the 64 hex digits without the algorithm.
    pub fn hex(&self) -> String {
        const_hex::encode(self.0)
    }

    /// Appends the 64 hex digits without the algorithm.
    pub fn write_hex(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(const_hex::Buffer::<32>::new().format(&self.0).as_bytes());
    }

    /// Returns the first 12 hex digits, for tables and titles; never for identity.
    pub fn short(&self) -> String {
        const_hex::encode(&self.0[..6])
    }
}

impl From<sha2::digest::Output<sha2::Sha256>> for Digest {
    fn from(output: sha2::digest::Output<sha2::Sha256>) -> Self {
        Self(output.into())
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.strip_prefix("sha256:")
            .and_then(parse_hex)
            .map(Self)
            .ok_or_else(|| DigestError::Malformed {
                found: excerpt(text),
            })
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

crate::text::string_schema!(Digest, "^sha256:[0-9a-f]{64}$");

/// A hash as a person types it: 8 to 64 hex digits, `sha256:` optional. Matched against known
/// releases; never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestPrefix(String);

impl DigestPrefix {
    /// Fewest hex digits that may stand for a hash.
    pub const MIN_LEN: usize = 8;

    /// Tells whether `digest` begins with these digits.
    pub fn matches(&self, digest: &Digest) -> bool {
        digest.hex().starts_with(&self.0)
    }

    /// Returns the whole digest when all 64 digits were given.
    pub fn complete(&self) -> Option<Digest> {
        parse_hex(&self.0).map(Digest)
    }
}

impl From<Digest> for DigestPrefix {
    fn from(digest: Digest) -> Self {
        Self(digest.hex())
    }
}

impl FromStr for DigestPrefix {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        if (Self::MIN_LEN..=64).contains(&hex.len()) && hex.bytes().all(is_hex) {
            Ok(Self(hex.to_owned()))
        } else {
            Err(DigestError::MalformedPrefix {
                found: excerpt(text),
            })
        }
    }
}

impl fmt::Display for DigestPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Serde for a digest as bare hex digits: `#[serde(with = "digest::hex")]`.
pub mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Digest;

    /// Writes the 64 hex digits.
    pub fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&digest.hex())
    }

    /// Reads exactly 64 lower-case hex digits.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Digest::from_hex(&text).map_err(D::Error::custom)
    }
}

/// The schema of a digest as bare hex digits.
pub(crate) fn hex_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
}

/// The library also takes upper case and a prefix, of which a digest has neither.
fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    // To the end in any case, which takes several digits at once.
    let are_hex = digits.iter().fold(true, |all, digit| all & is_hex(*digit));
    are_hex
        .then(|| const_hex::decode_to_array(digits).ok())
        .flatten()
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads() {
        let digest = Digest::of(b"");
        assert_eq!(
            digest.to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Digest::from_hex(&digest.hex()), Ok(digest));
    }

    #[test]
    fn refuses_other_algorithms_case_and_length() {
        let hex = Digest::of(b"x").hex();
        for text in [
            hex.clone(),
            format!("sha512:{hex}"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha256:{}é", &hex[2..]),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_matches_with_and_without_the_algorithm() {
        let digest = Digest::of(b"release");
        let hex = digest.hex();
        assert!(hex[..8].parse::<DigestPrefix>().unwrap().matches(&digest));
        let whole: DigestPrefix = digest.to_string().parse().unwrap();
        assert_eq!(whole.complete(), Some(digest));
        assert!(hex[..7].parse::<DigestPrefix>().is_err());
    }
}
