//! `OciDigest`: a digest as foreign artifacts may use it, sha256 or sha512 (OCI image-spec 1.1,
//! `descriptor.md`, "Registered algorithms"). What Bulla writes itself is always sha256.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use bulla_schemas::Digest;
use sha2::{Digest as _, Sha256, Sha512};

/// A digest whose algorithm and length have been checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OciDigest {
    algorithm: Algorithm,
    hex: String,
}

/// The algorithms that content may be named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Algorithm {
    /// SHA-256, which every client uses.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Why a text is not a digest that the registry knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `sha256:` and 64 or `sha512:` and 128 lower-case hex digits, found {found:?}")]
pub struct OciDigestError {
    found: String,
}

impl Algorithm {
    /// Returns the name in front of the colon, also the folder's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl OciDigest {
    /// Returns the algorithm.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the hex digits.
    pub(crate) fn hex(&self) -> &str {
        &self.hex
    }

    /// Returns the digest as Bulla's own type, when it is a sha256.
    pub(crate) fn sha256(&self) -> Option<Digest> {
        match self.algorithm {
            Algorithm::Sha256 => Digest::from_hex(&self.hex).ok(),
            Algorithm::Sha512 => None,
        }
    }

    /// Returns the digest of `bytes` by `algorithm`.
    pub(crate) fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        match algorithm {
            Algorithm::Sha256 => Digest::of(bytes).into(),
            Algorithm::Sha512 => Self::from_sha512(Sha512::digest(bytes)),
        }
    }

    /// Returns the digest of all that a reader has.
    pub(crate) fn read(algorithm: Algorithm, reader: &mut impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::new(algorithm);
        hasher.read(reader)?;
        Ok(hasher.finish())
    }

    /// Takes what a sha256 hasher returned.
    pub(crate) fn from_sha256(output: sha2::digest::Output<Sha256>) -> Self {
        Digest::from(output).into()
    }

    /// Takes what a sha512 hasher returned.
    pub(crate) fn from_sha512(output: sha2::digest::Output<Sha512>) -> Self {
        Self {
            algorithm: Algorithm::Sha512,
            hex: const_hex::encode(output),
        }
    }
}

/// Computes a digest of bytes that come in parts.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// Begins.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// Takes more bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Takes all that a reader has, and returns how many bytes that are.
    pub(crate) fn read(&mut self, reader: &mut impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; 256 * 1024];
        let mut sum = 0;
        loop {
            let length = reader.read(&mut buffer)?;
            if length == 0 {
                return Ok(sum);
            }
            self.update(&buffer[..length]);
            sum += length as u64;
        }
    }

    /// Returns the digest of all bytes.
    pub(crate) fn finish(self) -> OciDigest {
        match self {
            Self::Sha256(hasher) => OciDigest::from_sha256(hasher.finalize()),
            Self::Sha512(hasher) => OciDigest::from_sha512(hasher.finalize()),
        }
    }
}

impl From<Digest> for OciDigest {
    fn from(digest: Digest) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: digest.hex(),
        }
    }
}

impl FromStr for OciDigest {
    type Err = OciDigestError;

    fn from_str(text: &str) -> Result<Self, OciDigestError> {
        let is_hex = |hex: &str| hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        [Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .find_map(|algorithm| {
                let hex = text.strip_prefix(algorithm.as_str())?.strip_prefix(':')?;
                (hex.len() == algorithm.hex_len() && is_hex(hex)).then(|| Self {
                    algorithm,
                    hex: hex.to_owned(),
                })
            })
            .ok_or_else(|| OciDigestError {
                found: text.chars().take(160).collect(),
            })
    }
}

impl fmt::Display for OciDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl fmt::Debug for OciDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_two_algorithms_and_one_text_of_each() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = OciDigest::of(algorithm, b"x");
            assert_eq!(digest.to_string().parse(), Ok(digest.clone()));
            assert!(
                digest
                    .to_string()
                    .to_uppercase()
                    .parse::<OciDigest>()
                    .is_err()
            );
        }
        for wrong in [
            "",
            "sha256:",
            "sha256:baddigeststring",
            "md5:00",
            "sha512:00",
        ] {
            assert!(wrong.parse::<OciDigest>().is_err(), "{wrong}");
        }
    }
}
