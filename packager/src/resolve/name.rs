//! `ReleaseName`: a release as a person names it.

use std::str::FromStr;

use bulla_schemas::DigestPrefix;
use bulla_trust::Release;

/// Least digits of a commit id, as git shortens it.
const LEAST_REVISION: usize = 7;
/// Most bytes of a name.
const LONGEST: usize = 255;

/// A release as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseName {
    pub(super) text: String,
    pub(super) prefix: Option<DigestPrefix>,
}

/// What cannot name a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 8 to 64 hex digits of a hash, a channel, a revision or a label; found {found:?}")]
pub struct ReleaseNameError {
    found: String,
}

impl FromStr for ReleaseName {
    type Err = ReleaseNameError;

    fn from_str(text: &str) -> Result<Self, ReleaseNameError> {
        let prefix = text.parse().ok();
        let is_hash = text.starts_with("sha256:");
        let is_fit = (1..=LONGEST).contains(&text.len())
            && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if prefix.is_some() || (is_fit && !is_hash) {
            return Ok(Self {
                text: text.to_owned(),
                prefix,
            });
        }
        Err(ReleaseNameError {
            found: text.chars().take(80).collect(),
        })
    }
}

impl std::fmt::Display for ReleaseName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl ReleaseName {
    /// Tells whether it can be looked up in all projects: a hash names a release everywhere.
    pub const fn is_hash(&self) -> bool {
        self.prefix.is_some()
    }

    /// Tells whether a release was made from the revision, or has the label.
    pub(super) fn is_of(&self, release: &Release) -> bool {
        let number = svn_number(&self.text);
        let is_commit = self.text.len() >= LEAST_REVISION
            && self.text.bytes().all(|byte| byte.is_ascii_hexdigit());
        release.statements.iter().any(|record| {
            // A commit id has 40 or 64 digits, a revision number at most 20.
            let is_git = record.revision.len() >= 40;
            record.label == self.text
                || (is_git && is_commit && record.revision.starts_with(&self.text.to_lowercase()))
                || (!is_git && number.is_some() && record.revision.parse().ok() == number)
        })
    }
}

/// Reads the number of a Subversion revision, as `svn -r` takes it: `4711` or `r4711`.
fn svn_number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('r').unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_revision_of_subversion_with_and_without_its_letter() {
        for text in ["4711", "r4711", "r04711"] {
            assert_eq!(svn_number(text), Some(4711), "{text}");
        }
        for text in [
            "",
            "r",
            "R4711",
            "-1",
            "4711 ",
            "99999999999999999999999",
            "v4711",
        ] {
            assert_eq!(svn_number(text), None, "{text}");
        }
    }
}
