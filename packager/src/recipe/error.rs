//! What can be wrong with a recipe.

use std::io;

use bulla_schemas::codec::CodecError;
use bulla_schemas::install::InstallError;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::recipe::RECIPE_FILE;

use super::place::Place;
use crate::filter::PatternError;

/// Why a revision has no usable recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// No recipe at all.
    #[error("revision {revision} has no `{RECIPE_FILE}` at its top")]
    Missing {
        /// The revision.
        revision: String,
        /// Whether the file is in the checkout without being part of the revision.
        untracked: bool,
    },
    /// A link or a submodule of that name.
    #[error("`{RECIPE_FILE}` is not a file")]
    NotFile,
    /// The file cannot be read.
    #[error("cannot read `{RECIPE_FILE}`")]
    Read(#[source] io::Error),
    /// Bytes that are not text.
    #[error("`{RECIPE_FILE}`{place}: expected UTF-8, found the byte {byte:#04x}")]
    NotUtf8 {
        /// Where it stands.
        place: Place,
        /// The first byte that is not UTF-8.
        byte: u8,
    },
    /// Not TOML, or not what a recipe may say.
    #[error("`{RECIPE_FILE}`{place}: {message}")]
    Invalid {
        /// Where.
        place: Place,
        /// What was expected and what was found.
        message: String,
    },
    /// A build whose files are not named.
    #[error(
        "`{RECIPE_FILE}`{place}: expected patterns of what the build makes for the release, found none"
    )]
    NoOutputs {
        /// Where.
        place: Place,
    },
    /// A compression level that the codec does not have.
    #[error("`{RECIPE_FILE}`{place}")]
    Codec {
        /// Where.
        place: Place,
        /// What is wrong.
        #[source]
        source: CodecError,
    },
    /// A pattern that means nothing.
    #[error("`{RECIPE_FILE}`{place}")]
    Pattern {
        /// Where.
        place: Place,
        /// What is wrong.
        #[source]
        source: PatternError,
    },
    /// An install section that contradicts itself.
    #[error("`{RECIPE_FILE}`{place}")]
    Install {
        /// Where.
        place: Place,
        /// What is wrong.
        #[source]
        source: InstallError,
    },
}

impl Outcome for RecipeError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Read(_) => FailureKind::Failed,
            _ => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing {
                untracked: true, ..
            } => Some(format!(
                "`{RECIPE_FILE}` is in the directory but not in this revision; commit it"
            )),
            Self::Missing {
                untracked: false, ..
            } => Some(format!(
                "commit a `{RECIPE_FILE}`; the shortest is\n[bundle]\nproject = \"acme/billing\""
            )),
            Self::NoOutputs { .. } => {
                Some("such as `outputs = [\"dist/**\"]`; only what matches is released".to_owned())
            }
            _ => None,
        }
    }
}
