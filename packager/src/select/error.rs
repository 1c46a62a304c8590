//! What keeps a tracked entry out of every release.

use std::io;

use bulla_schemas::EntryPath;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::path::PathError;

use crate::filter::{PatternError, Patterns};

/// Why the entries of a revision are not a release.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// A pattern of the recipe.
    #[error("the recipe's patterns cannot be used")]
    Pattern(#[source] PatternError),
    /// Nothing left.
    #[error("the recipe's `include` and `exclude` leave no file of the {tracked} tracked entries")]
    Nothing {
        /// How many entries the revision has.
        tracked: usize,
    },
    /// A name that is not text.
    #[error("the name `{path}` is not UTF-8")]
    NotUtf8 {
        /// The path, with its odd bytes escaped.
        path: String,
    },
    /// A name that no server should be given.
    #[error("a tracked name cannot be part of a release")]
    Path(#[source] PathError),
    /// A link whose target is not text.
    #[error("the target `{target}` of the link `{path}` is not UTF-8")]
    TargetNotUtf8 {
        /// The link.
        path: String,
        /// The target, with its odd bytes escaped.
        target: String,
    },
    /// A link that leads outside.
    #[error("the link `{path}` cannot be part of a release")]
    Link {
        /// The link.
        path: String,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// A link that cannot be read.
    #[error("cannot read the link `{path}`")]
    Read {
        /// The link.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A submodule.
    #[error("`{path}` is a git submodule, whose content is not at hand")]
    Submodule {
        /// Where it is mounted.
        path: String,
    },
    /// An external.
    #[error("`{path}` is a Subversion external, whose content is not at hand")]
    External {
        /// Where it is mounted.
        path: String,
    },
    /// A tracked entry where a persistent path goes.
    #[error(
        "`{tracked}` is tracked, but the recipe's persistent path `{persistent}` is kept across releases and never part of one"
    )]
    Persistent {
        /// The path of the recipe.
        persistent: EntryPath,
        /// The tracked entry.
        tracked: EntryPath,
    },
}

impl Outcome for SelectError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } => FailureKind::Failed,
            Self::Pattern(_) | Self::Nothing { .. } | Self::Persistent { .. } => FailureKind::Usage,
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let exclude = |path: &str| format!("`exclude = [{:?}]`", Patterns::literal(path));
        match self {
            Self::Submodule { path } | Self::External { path } => {
                Some(format!("leave it out with {}", exclude(path)))
            }
            Self::Link { path, .. } => Some(format!(
                "make it relative and keep it inside the tree, or leave it out with {}",
                exclude(path)
            )),
            Self::Persistent { tracked, .. } => Some(format!(
                "leave it out with {}, or take the path out of `persist`",
                exclude(tracked.as_str())
            )),
            Self::NotUtf8 { .. } | Self::Path(_) => {
                Some("rename it, or leave it out with `exclude`".to_owned())
            }
            _ => None,
        }
    }
}
