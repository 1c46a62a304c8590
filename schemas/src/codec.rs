//! `Codec`: which compressor at which level made a payload's frames, `zstd-1.5.7/5`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The exact libzstd and level of a bundle. libzstd promises the same bytes only for the same
/// version (facebook/zstd#999, #4049), so the version is part of what must match to reproduce.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Codec {
    version: [u32; 3],
    level: u8,
}

/// Why a text is not a codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Not `zstd-X.Y.Z/LEVEL`.
    #[error("expected a codec such as `zstd-1.5.7/5`, found {found:?}")]
    Malformed {
        /// What stood there.
        found: String,
    },
    /// A level that zstd does not have, or that needs more memory than readers grant.
    #[error("expected a compression level from {} to {}, found {found}", Codec::LEVELS.start(), Codec::LEVELS.end())]
    Level {
        /// The level asked for.
        found: i64,
    },
}

impl Codec {
    /// Levels a recipe may ask for. Above 19 a frame's window needs more memory than RFC 8878
    /// decoders must grant.
    pub const LEVELS: std::ops::RangeInclusive<i64> = 1..=19;
    /// The level when the recipe names none.
    pub const DEFAULT_LEVEL: i64 = 5;
    /// The libzstd that this release of Bulla compresses with.
    pub const VERSION: [u32; 3] = [1, 5, 7];

    /// Names this program's libzstd at `level`.
    pub fn current(level: i64) -> Result<Self, CodecError> {
        Self::new(Self::VERSION, level)
    }

    fn new(version: [u32; 3], level: i64) -> Result<Self, CodecError> {
        match u8::try_from(level) {
            Ok(small) if Self::LEVELS.contains(&level) => Ok(Self {
                version,
                level: small,
            }),
            _ => Err(CodecError::Level { found: level }),
        }
    }

    /// Returns the compression level.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Tells whether this program can make the same bytes again.
    pub fn is_current(&self) -> bool {
        self.version == Self::VERSION
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.version;
        write!(formatter, "zstd-{major}.{minor}.{patch}/{}", self.level)
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Codec {
    type Err = CodecError;

    fn from_str(text: &str) -> Result<Self, CodecError> {
        let malformed = || CodecError::Malformed {
            found: text.chars().take(80).collect(),
        };
        let (version, level) = text
            .strip_prefix("zstd-")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(malformed)?;
        let mut numbers = version.split('.').map(str::parse::<u32>);
        let mut next = || numbers.next().and_then(Result::ok).ok_or_else(malformed);
        let codec = Self::new(
            [next()?, next()?, next()?],
            level.parse().map_err(|_| malformed())?,
        )?;
        if codec.to_string() == text {
            Ok(codec)
        } else {
            Err(malformed())
        }
    }
}

impl TryFrom<String> for Codec {
    type Error = CodecError;

    fn try_from(text: String) -> Result<Self, CodecError> {
        text.parse()
    }
}

impl From<Codec> for String {
    fn from(codec: Codec) -> Self {
        codec.to_string()
    }
}

crate::text::string_schema!(Codec, "^zstd-[0-9]+\\.[0-9]+\\.[0-9]+/[0-9]+$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_text() {
        let codec = Codec::current(7).unwrap();
        assert_eq!(codec.to_string(), "zstd-1.5.7/7");
        assert_eq!("zstd-1.5.7/7".parse(), Ok(codec));
        for wrong in [
            "zstd-1.5.7",
            "zstd-1.5/7",
            "zstd-1.5.7.1/7",
            "zstd-1.5.7/07",
            "zstd-1.5.7/0",
            "zstd-1.5.7/20",
            "gzip/9",
            "",
        ] {
            assert!(wrong.parse::<Codec>().is_err(), "{wrong}");
        }
    }
}
