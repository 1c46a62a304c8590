//! What differs in a tree, and what a person finds beside it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, ProjectName, Timestamp};

/// One path that is not what the release has there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Difference {
    /// The path in the tree.
    pub path: String,
    /// How it differs.
    pub difference: DifferenceKind,
}

/// How a path differs. Owners, permissions and times are not part of a release's content: they
/// make no difference.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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

/// A persistent path at which nothing is, or not what should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingPath {
    /// The path in `persist/`, as the recipe has it.
    pub path: String,
    /// Whether it is a directory.
    #[serde(skip)]
    pub is_directory: bool,
    /// Where it would lie.
    pub file: PathBuf,
    /// The link on the way there that leads nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dangling: Option<DanglingLink>,
    /// What is there, or on the way there, and of the wrong kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<WrongKind>,
}

/// A file where a directory is expected, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrongKind {
    /// What is there.
    pub path: PathBuf,
    /// Whether that is a directory.
    pub is_directory: bool,
}

/// A link that leads nowhere: to a disk that is not mounted, most likely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DanglingLink {
    /// The link.
    pub link: PathBuf,
    /// What it says.
    pub target: PathBuf,
}

impl std::fmt::Display for MissingPath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(WrongKind { path, is_directory }) = &self.wrong {
            let (found, expected) = if *is_directory {
                ("directory", "file")
            } else {
                ("file", "directory")
            };
            let path = path.display();
            return write!(formatter, "`{path}` is a {found}, not a {expected}");
        }
        match &self.dangling {
            None => write!(formatter, "`{}` does not exist", self.file.display()),
            Some(DanglingLink { link, target }) => write!(
                formatter,
                "`{}` is a link to `{}`, which does not exist: its disk may not be mounted",
                link.display(),
                target.display()
            ),
        }
    }
}

/// A tree that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetAside {
    /// The project.
    pub project: ProjectName,
    /// Its name in `set-aside/`.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// The release that it was a tree of.
    pub hash: Digest,
    /// When it was set aside, by this server's clock.
    pub set_aside_at: Timestamp,
    /// What differed from the release, as far as that was known.
    pub differences: Vec<Difference>,
}

/// A tree that no release needs and that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is still there.
    pub reason: String,
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, reason } = self;
        write!(formatter, "`{}` stays: {reason}", path.display())
    }
}
