//! Values of the host file that are written as text.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bulla_schemas::period::Period;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

/// Why a text is not the value that a key needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}; found {found:?}")]
pub struct ValueError {
    expected: &'static str,
    found: String,
}

impl ValueError {
    pub(super) fn new(expected: &'static str, found: &str) -> Self {
        Self {
            expected,
            found: found.chars().take(200).collect(),
        }
    }
}

/// Reads how often something is looked at: at least every second, so that it is not done all the time.
pub(super) fn poll<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Period>, D::Error> {
    let period = Period::deserialize(deserializer)?;
    if period < Period::seconds(1) {
        return Err(D::Error::custom(format_args!(
            "expected `1s` or longer; found `{period}`"
        )));
    }
    Ok(Some(period))
}

/// A user and, where it is not the user's own, a group: `www-data`, `www-data:adm`, `1000:1000`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Owner {
    /// The user's name or number.
    pub user: UserName,
    /// The group's name or number; without it the user's own.
    pub group: Option<UserName>,
}

impl FromStr for Owner {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parse = || {
            let (user, group) = match text.split_once(':') {
                Some((user, group)) => (user, Some(group)),
                None => (text, None),
            };
            Some(Self {
                user: user.parse().ok()?,
                group: group.map(str::parse).transpose().ok()?,
            })
        };
        parse().ok_or_else(|| {
            ValueError::new(
                "a user such as `www-data`, or `www-data:adm` with a group",
                text,
            )
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.user.as_str())?;
        match &self.group {
            Some(group) => write!(formatter, ":{}", group.as_str()),
            None => Ok(()),
        }
    }
}

/// The name of a user or group of this machine, or its number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UserName(String);

impl UserName {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let is_allowed = |letter: char| {
            !letter.is_whitespace() && !letter.is_control() && !":/".contains(letter)
        };
        let is_name = (1..=256).contains(&text.len())
            && !text.starts_with('-')
            && text.chars().all(is_allowed);
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new(
                "the name of a user such as `www-data`",
                text,
            ))
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Permissions in octal digits, as `chmod` takes them. The bits that change who a program runs as
/// mean nothing for a directory, but for its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mode(u32);

impl Mode {
    const SET_USER: u32 = 0o4000;

    /// Returns the bits.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for Mode {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let is_octal =
            (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let bits = u32::from_str_radix(text, 8).ok().filter(|_| is_octal);
        bits.filter(|bits| bits & Self::SET_USER == 0)
            .map(Self)
            .ok_or_else(|| ValueError::new("permissions such as `\"0750\"`", text))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04o}", self.0)
    }
}

/// A length of time in days or hours: `30d`, `36h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Age {
    hours: u32,
}

impl Age {
    const DAY: u32 = 24;
    const LONGEST: u32 = 100 * 366 * Self::DAY;

    /// Returns it as a `Duration`.
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.hours as u64 * 3600)
    }
}

impl FromStr for Age {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let hours = number_and_unit(text).and_then(|(number, unit)| match unit {
            "h" => u32::try_from(number).ok(),
            "d" => u32::try_from(number).ok()?.checked_mul(Self::DAY),
            _ => None,
        });
        hours
            .filter(|hours| (1..=Self::LONGEST).contains(hours))
            .map(|hours| Self { hours })
            .ok_or_else(|| ValueError::new("an age such as `30d` or `36h`", text))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hours.is_multiple_of(Self::DAY) {
            write!(formatter, "{}d", self.hours / Self::DAY)
        } else {
            write!(formatter, "{}h", self.hours)
        }
    }
}

/// A number of bytes: `500MB`, `20GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Quota(u64);

impl Quota {
    const UNITS: [(&str, u64); 3] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
    ];

    /// Returns the bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Quota {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parse = || {
            let (number, unit) = number_and_unit(text)?;
            let (_, size) = Self::UNITS.into_iter().find(|(name, _)| *name == unit)?;
            number.checked_mul(size).filter(|bytes| *bytes > 0)
        };
        let bytes = parse();
        bytes
            .map(Self)
            .ok_or_else(|| ValueError::new("a size such as `500MB`, `20GB` or `1TB`", text))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = Self::UNITS
            .into_iter()
            .find(|(_, size)| self.0.is_multiple_of(*size));
        let (unit, size) = exact.unwrap_or(("B", 1));
        write!(formatter, "{}{unit}", self.0 / size)
    }
}

/// Splits `20GB` or `20 GB`.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.strip_prefix(' ').unwrap_or(unit)))
}

macro_rules! from_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = ValueError;

            fn try_from(text: String) -> Result<Self, ValueError> {
                text.parse()
            }
        }
    )*};
}

from_text!(Owner, UserName, Mode, Age, Quota);

/// Reads a path that means the same from wherever a command is run.
pub(super) fn absolute_path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Some(path) = plain_path(&text) {
        return Ok(Some(path.to_owned()));
    }
    let expected = "a path from the root, without `..`, such as `/srv`";
    Err(D::Error::custom(ValueError::new(expected, &text)))
}

/// Returns the path that a text is, where it is one from the root on.
pub(super) fn plain_path(text: &str) -> Option<&Path> {
    let path = Path::new(text);
    let is_plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    let is_whole = path.is_absolute() && path.components().all(is_plain);
    (is_whole && !text.contains('\0')).then_some(path)
}

/// Reads an address of a registry. A name or password in it would be shown in messages.
pub(super) fn registry_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let expected = "an address such as `https://releases.acme.example`";
    let url = url.ok_or_else(|| D::Error::custom(ValueError::new(expected, &text)))?;
    if url.username().is_empty() && url.password().is_none() {
        return Ok(url);
    }
    Err(D::Error::custom(
        "expected an address without a user or password; `token-file` names the file that holds \
         the token",
    ))
}

/// Reads how many releases stay.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let found = i64::deserialize(deserializer)?;
    let count = usize::try_from(found).ok();
    count
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| {
            D::Error::custom(format_args!(
                "expected a number from 1 to 1000, found {found}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_they_are_read() {
        for (read, written) in [("30d", "30d"), ("36h", "36h"), ("48h", "2d")] {
            assert_eq!(read.parse::<Age>().unwrap().to_string(), written);
        }
        for (read, written) in [("500MB", "500MB"), ("20 GB", "20GB"), ("2000MB", "2GB")] {
            assert_eq!(read.parse::<Quota>().unwrap().to_string(), written);
        }
        for (read, written) in [("750", "0750"), ("2775", "2775")] {
            assert_eq!(read.parse::<Mode>().unwrap().to_string(), written);
        }
        for owner in ["www-data", "www-data:adm", "1000:1000"] {
            assert_eq!(owner.parse::<Owner>().unwrap().to_string(), owner);
        }
    }

    #[test]
    fn what_is_no_value_is_refused_with_what_was_expected() {
        for age in ["", "30", "0d", "-1d", "1w", "99999999d", "1.5d"] {
            assert!(age.parse::<Age>().is_err(), "{age}");
        }
        for quota in ["", "20", "0GB", "20GiB", "99999999999TB", "-1GB"] {
            assert!(quota.parse::<Quota>().is_err(), "{quota}");
        }
        for mode in ["", "7", "0o750", "888", "4755", "07777", "rwx"] {
            assert!(mode.parse::<Mode>().is_err(), "{mode}");
        }
        for owner in ["", ":", "a:", ":a", "a:b:c", "a b", "-r", "a/b"] {
            assert!(owner.parse::<Owner>().is_err(), "{owner}");
        }
        let error = "1w".parse::<Age>().unwrap_err().to_string();
        assert_eq!(
            error,
            "expected an age such as `30d` or `36h`; found \"1w\""
        );
    }
}
