//! How a path can differ from what it should be.

use serde::Serialize;

/// One path that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The path in the tree.
    pub path: String,
    /// What is wrong with it.
    pub difference: DifferenceKind,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Nothing is there.
    Missing,
    /// Something is there that the release does not have.
    Extra,
    /// Other bytes.
    Changed,
    /// A directory instead of a file, or the like.
    Kind,
    /// Other permissions.
    Mode,
    /// A link that points elsewhere.
    Target,
    /// It cannot be read.
    Unreadable,
}

impl std::fmt::Display for DifferenceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Changed => "changed",
            Self::Kind => "other kind",
            Self::Mode => "mode",
            Self::Target => "target",
            Self::Unreadable => "unreadable",
        })
    }
}
