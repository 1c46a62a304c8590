//! `Period`: a length of time as people write it, `500ms`, `2s`, `10m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds, at most a day, written in the largest unit that holds
/// it exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(u32);

/// Why a text is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a period such as `500ms`, `2s`, `10m` or `1h`, at most `24h`; found {found:?}")]
pub struct PeriodError {
    found: String,
}

const UNITS: [(&str, u32); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const DAY: u32 = 86_400_000;

impl Period {
    /// Takes whole seconds, at most a day.
    pub const fn seconds(seconds: u16) -> Self {
        Self(seconds as u32 * 1000)
    }

    /// Returns the period as a `Duration`.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, milliseconds) = UNITS
            .into_iter()
            .find(|(_, milliseconds)| self.0 != 0 && self.0.is_multiple_of(*milliseconds))
            .unwrap_or(("s", 1000));
        write!(formatter, "{}{unit}", self.0 / milliseconds)
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .and_then(|(_, milliseconds)| number.parse::<u32>().ok()?.checked_mul(milliseconds))
            .filter(|milliseconds| *milliseconds <= DAY)
            .map(Self)
            .ok_or_else(|| PeriodError {
                found: text.chars().take(40).collect(),
            })
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

crate::text::string_schema!(Period, "^[0-9]+(ms|s|m|h)$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_largest_exact_unit() {
        for (read, written) in [
            ("500ms", "500ms"),
            ("2000ms", "2s"),
            ("120s", "2m"),
            ("90s", "90s"),
            ("24h", "24h"),
            ("0ms", "0s"),
        ] {
            assert_eq!(read.parse::<Period>().unwrap().to_string(), written);
        }
        for wrong in [
            "",
            "5",
            "s",
            "1d",
            "25h",
            "-1s",
            "1.5s",
            "9999999999s",
            "1 s",
        ] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong}");
        }
    }
}
