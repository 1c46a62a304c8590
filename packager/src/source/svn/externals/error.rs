//! What can go wrong with externals.

use std::path::PathBuf;

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::source::listing::Listing;

/// Why the content of externals cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalError {
    /// Externals that may be something else tomorrow.
    #[error("externals without a revision, whose content would not stay the same:\n{externals}")]
    Unpinned {
        /// The URLs and paths.
        externals: Listing,
    },
    /// A line of `svn:externals` that is not one.
    #[error("expected an external such as `^/lib@1234 lib`, found {definition:?} in `svn:externals` of `{directory}`", directory = escape(directory_name(.directory)))]
    Definition {
        /// The directory with the property, or where the external would be.
        directory: String,
        /// What was found.
        definition: String,
    },
    /// An external whose place in the repository only today's names lead to.
    #[error("the external `{path}` is `{url}` at r{revision}, and nothing had that name in r{revision}", path = escape(.path), url = escape(.url))]
    Unknown {
        /// Where it would be.
        path: String,
        /// The URL, absolute.
        url: String,
        /// The revision.
        revision: u64,
    },
    /// An external where something else is.
    #[error("the external `{path}` is in the place of something else", path = escape(.path))]
    Clash {
        /// Where.
        path: String,
    },
    /// An external of a directory above that put something into the packed one.
    #[error("the external `{path}` is defined in a directory above the packed one, so what is there belongs to no release", path = escape(.path))]
    FromAbove {
        /// Where.
        path: String,
    },
    /// An external that contains itself.
    #[error("the external `{path}` contains itself, or externals are nested too deep: `{url}`", path = escape(.path), url = escape(.url))]
    Loop {
        /// Where.
        path: String,
        /// What it leads to.
        url: String,
    },
    /// More externals than anyone has.
    #[error("there are more than {most} externals")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// An external with local changes.
    #[error("the external `{directory}` has changes that are in no revision:\n{changes}", directory = .directory.display())]
    Changed {
        /// Its working copy.
        directory: PathBuf,
        /// What changed.
        changes: Listing,
    },
}

fn directory_name(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

impl Outcome for ExternalError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unpinned { externals } => {
                let path = externals.0.first().map_or("", |(_, path)| path.as_str());
                let path = toml::Value::String(path.to_owned());
                return Some(format!(
                    "write `@REVISION` behind each URL in `svn:externals`, or into `bulla.toml`: `[source]` and `externals = {{ {path} = REVISION }}`; or leave them out with `exclude`"
                ));
            }
            Self::Definition { .. } => "mend it with `svn propedit svn:externals`",
            Self::Unknown { revision, .. } => {
                return Some(format!(
                    "write `-r {revision} URL@PEG` in `svn:externals`, where PEG is a revision in which it has that name"
                ));
            }
            Self::FromAbove { .. } => {
                "define it in the packed directory with `svn propedit svn:externals`, or leave it out with `exclude`"
            }
            Self::Clash { .. } => {
                "put one of the two elsewhere, or leave the external out with `exclude`"
            }
            Self::Loop { .. } => "take it out of `svn:externals`, or leave it out with `exclude`",
            Self::TooMany { .. } => "leave some out with `exclude`",
            Self::Changed { .. } => {
                "`svn commit` or `svn revert` what is changed there, or leave the external out with `exclude`"
            }
        };
        Some(hint.to_owned())
    }
}
