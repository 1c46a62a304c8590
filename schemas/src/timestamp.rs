//! `Timestamp`: a second in UTC, written `2026-11-22T22:40:00Z` (RFC 3339, one form only).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A moment in UTC, to the second, from year 0 to 9999-12-30 (jiff's last day). For people to read: nothing in Bulla is
/// ordered by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// Why a text or number is not a timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not of the one form.
    #[error("expected a time in UTC such as `2026-11-22T22:40:00Z`, found {found:?}")]
    Malformed {
        /// What stood there.
        found: String,
    },
    /// Before year 0 or after 9999-12-30.
    #[error("the time is out of range: {seconds} seconds since 1970")]
    OutOfRange {
        /// Seconds since 1970-01-01T00:00:00Z.
        seconds: i64,
    },
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Takes seconds since 1970-01-01T00:00:00Z.
    pub fn from_seconds(seconds: i64) -> Result<Self, TimestampError> {
        const YEAR_0: i64 = -62_167_219_200;
        if seconds >= YEAR_0 && jiff::Timestamp::from_second(seconds).is_ok() {
            Ok(Self(seconds))
        } else {
            Err(TimestampError::OutOfRange { seconds })
        }
    }

    /// Returns seconds since 1970-01-01T00:00:00Z.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(timestamp) => write!(formatter, "{}", timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")),
            Err(_) => write!(formatter, "@{}", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let malformed = || TimestampError::Malformed {
            found: text.chars().take(80).collect(),
        };
        let parsed: jiff::Timestamp = text.parse().map_err(|_| malformed())?;
        let timestamp = Self::from_seconds(parsed.as_second())?;
        // One moment has one text: no offsets, fractions or lower-case letters.
        if timestamp.to_string() == text {
            Ok(timestamp)
        } else {
            Err(malformed())
        }
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.to_string()
    }
}

crate::text::string_schema!(
    Timestamp,
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}Z$",
    "format": "date-time"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_text() {
        let text = "2026-11-22T22:40:00Z";
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00Z");
        for other in [
            "2026-11-22T22:40:00+00:00",
            "2026-11-22T22:40:00.5Z",
            "2026-11-22t22:40:00z",
            "2026-11-22",
            "",
        ] {
            assert!(other.parse::<Timestamp>().is_err(), "{other}");
        }
    }

    #[test]
    fn refuses_years_without_four_digits() {
        assert!(Timestamp::from_seconds(253_402_300_800).is_err());
        assert!(Timestamp::from_seconds(i64::MIN).is_err());
        assert_eq!(
            Timestamp::from_seconds(253_402_207_199)
                .unwrap()
                .to_string(),
            "9999-12-30T21:59:59Z"
        );
    }
}
