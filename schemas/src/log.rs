//! Places in the log: a position that a statement binds to, and the anchor a server starts from.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// A size of the log and the Merkle root at that size: the whole history up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogPosition {
    /// How many entries.
    pub size: u64,
    /// The Merkle tree hash (RFC 6962 §2.1) of these entries.
    #[serde(with = "crate::digest::hex")]
    #[schemars(schema_with = "crate::digest::hex_schema")]
    pub root: Digest,
}

/// The one line that a new server starts from: `origin+size+root`. It commits to the whole
/// history, the first policy included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Anchor {
    /// The log's name.
    pub origin: String,
    /// How far the log had come.
    pub position: LogPosition,
}

/// Why a text is not an anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an anchor is `origin+size+root`, such as `releases.acme.example/bulla+812+9f2c...` with 64 hex digits; found {found:?}"
)]
pub struct AnchorError {
    found: String,
}

impl Anchor {
    /// Tells whether `origin` can name a log: the key name of a C2SP signed note, which has no
    /// spaces and no `+`.
    pub fn is_origin(origin: &str) -> bool {
        (1..=255).contains(&origin.len())
            && origin
                .chars()
                .all(|c| !c.is_whitespace() && !c.is_control() && c != '+')
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}+{}+{}",
            self.origin,
            self.position.size,
            self.position.root.hex()
        )
    }
}

impl FromStr for Anchor {
    type Err = AnchorError;

    fn from_str(text: &str) -> Result<Self, AnchorError> {
        let parse = || {
            let (rest, root) = text.rsplit_once('+')?;
            let (origin, size) = rest.rsplit_once('+')?;
            let anchor = Self {
                origin: Some(origin)
                    .filter(|origin| Self::is_origin(origin))?
                    .to_owned(),
                position: LogPosition {
                    size: size.parse().ok().filter(|size| *size > 0)?,
                    root: Digest::from_hex(root).ok()?,
                },
            };
            (anchor.to_string() == text).then_some(anchor)
        };
        parse().ok_or_else(|| AnchorError {
            found: text.chars().take(200).collect(),
        })
    }
}

impl TryFrom<String> for Anchor {
    type Error = AnchorError;

    fn try_from(text: String) -> Result<Self, AnchorError> {
        text.parse()
    }
}

impl From<Anchor> for String {
    fn from(anchor: Anchor) -> Self {
        anchor.to_string()
    }
}

crate::text::string_schema!(Anchor, "^[^+\\s]+\\+[1-9][0-9]*\\+[0-9a-f]{64}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_has_one_text() {
        let root = Digest::of(b"root").hex();
        let text = format!("releases.acme.example/bulla+812+{root}");
        assert_eq!(text.parse::<Anchor>().unwrap().to_string(), text);
        for wrong in [
            format!("bulla+0{root}"),
            format!("bulla+0+{root}"),
            format!("bulla+08+{root}"),
            format!("+8+{root}"),
            format!("a b+8+{root}"),
            format!("bulla+8+{}", &root[1..]),
            String::new(),
        ] {
            assert!(wrong.parse::<Anchor>().is_err(), "{wrong}");
        }
    }
}
