//! The rollout: in which steps a promotion reaches the servers of its channel.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::period::{Period, PeriodError};

/// A step of a rollout, 1 to 99: the servers that go together. A server's host file says in which
/// one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Wave(u8);

/// Why a number is not a wave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a wave from 1 to 99, found {found}")]
pub struct WaveError {
    found: u64,
}

impl Wave {
    /// The servers that go at once.
    pub const FIRST: Self = Self(1);
    /// Every server is in this wave or an earlier one.
    pub const LAST: Self = Self(99);

    /// Returns the number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Returns the wave after this one; none follows the last.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        if self.0 < Self::LAST.0 {
            Some(Self(self.0 + 1))
        } else {
            None
        }
    }

    /// Tells whether it is the first.
    pub const fn is_first(&self) -> bool {
        self.0 == Self::FIRST.0
    }
}

impl Default for Wave {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<u64> for Wave {
    type Error = WaveError;

    fn try_from(number: u64) -> Result<Self, WaveError> {
        match u8::try_from(number) {
            Ok(wave @ 1..=99) => Ok(Self(wave)),
            _ => Err(WaveError { found: number }),
        }
    }
}

impl From<Wave> for u64 {
    fn from(wave: Wave) -> Self {
        wave.0.into()
    }
}

impl JsonSchema for Wave {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Wave".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 99 })
    }
}

/// When the waves after the first may go: `"manual"`, or `{"every": "10m"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Waves {
    /// When people widen the promotion.
    Manual,
    /// So much later than the wave before, or when people widen the promotion.
    Every(Interval),
}

/// The time between two waves: whole seconds, at least one and at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Period", into = "Period")]
pub struct Interval(Period);

/// Why a text does not say when waves go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WavesError {
    /// Neither the word nor a period.
    #[error("expected `manual` or a time between waves such as `10m`, found {found:?}")]
    Unknown {
        /// What stood there.
        found: String,
        /// Why it is not a period.
        #[source]
        source: PeriodError,
    },
    /// A period that no wave can be apart from the next.
    #[error("expected whole seconds between waves, at least `1s`; found `{found}`")]
    Interval {
        /// What stood there.
        found: Period,
    },
}

impl Interval {
    /// Returns how long after the promotion a wave is due.
    pub fn until(self, wave: Wave) -> Duration {
        self.0.as_duration() * u32::from(wave.number() - 1)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<Period> for Interval {
    type Error = WavesError;

    fn try_from(period: Period) -> Result<Self, WavesError> {
        let length = period.as_duration();
        if length.as_secs() > 0 && length.subsec_nanos() == 0 {
            Ok(Self(period))
        } else {
            Err(WavesError::Interval { found: period })
        }
    }
}

impl From<Interval> for Period {
    fn from(interval: Interval) -> Self {
        interval.0
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[1-9][0-9]*(s|m|h)$" })
    }
}

impl fmt::Display for Waves {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => formatter.pad("manual"),
            Self::Every(interval) => interval.fmt(formatter),
        }
    }
}

impl FromStr for Waves {
    type Err = WavesError;

    fn from_str(text: &str) -> Result<Self, WavesError> {
        if text == "manual" {
            return Ok(Self::Manual);
        }
        let period: Period = text.parse().map_err(|source| WavesError::Unknown {
            found: text.chars().take(40).collect(),
            source,
        })?;
        Interval::try_from(period).map(Self::Every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_due_so_many_intervals_after_the_first() {
        let Ok(Waves::Every(interval)) = "10m".parse() else {
            panic!("a period is an interval");
        };
        let due = |wave: u64| interval.until(Wave::try_from(wave).unwrap()).as_secs();
        assert_eq!([due(1), due(2), due(99)], [0, 600, 58_800]);
    }

    #[test]
    fn says_when_waves_go_in_one_form() {
        for (text, json) in [("manual", r#""manual""#), ("90s", r#"{"every":"90s"}"#)] {
            let waves: Waves = text.parse().unwrap();
            assert_eq!(waves.to_string(), text);
            assert_eq!(serde_json::to_string(&waves).unwrap(), json);
            assert_eq!(serde_json::from_str::<Waves>(json).unwrap(), waves);
        }
        for wrong in ["", "now", "0s", "500ms", "1500ms", "25h", "10"] {
            assert!(wrong.parse::<Waves>().is_err(), "{wrong}");
        }
        for wrong in [r#"{"every":"0s"}"#, r#"{"every":600}"#, r#""every""#, "{}"] {
            assert!(serde_json::from_str::<Waves>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_waves_from_1_to_99() {
        assert_eq!(serde_json::from_str::<Wave>("99").unwrap(), Wave::LAST);
        assert_eq!(Wave::LAST.next(), None);
        assert_eq!(Wave::FIRST.next().unwrap().number(), 2);
        for wrong in ["0", "100", "-1", "1.0", r#""1""#] {
            assert!(serde_json::from_str::<Wave>(wrong).is_err(), "{wrong}");
        }
    }
}
