//! How a path can differ from what the release has there.

use serde::{Deserialize, Serialize};

/// One path that is not what the release has there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The path in the tree.
    pub path: String,
    /// How it differs.
    pub difference: DifferenceKind,
}

/// How a path differs. Owners, permissions and times are not part of a release's content: they
/// make no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Other bytes, another target of a link, or something of another kind.
    Changed,
    /// Nothing is there.
    Missing,
    /// The release has nothing there.
    Added,
    /// It cannot be read.
    Unreadable,
}

impl std::fmt::Display for DifferenceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Unreadable => "unreadable",
        })
    }
}

/// Names the first few differences in a sentence: ``changed `a`, added `b` and 3 more``.
pub(crate) fn in_words(differences: &[Difference]) -> String {
    const FEW: usize = 5;
    let shown: Vec<_> = differences
        .iter()
        .take(FEW)
        .map(|difference| format!("{} `{}`", difference.difference, difference.path))
        .collect();
    match differences.len().saturating_sub(FEW) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
