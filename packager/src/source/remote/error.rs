//! What can go wrong with the source that a release statement names.

use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::source::git::SubmoduleUrlError;

/// Why the revision of a release statement cannot be had from where the statement says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatedError {
    /// A source of a release statement that is not asked for.
    #[error("the source {stated:?} of the release statement is refused: {why}")]
    Refused {
        /// What the statement says.
        stated: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A URL of a release statement that `git` should not be given.
    #[error("the source of the release statement is refused")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        #[source]
        source: Box<SubmoduleUrlError>,
    },
    /// A commit that another repository does not give.
    #[error("cannot fetch {commit} from {url:?}:\n{message}")]
    Fetch {
        /// The URL.
        url: String,
        /// The commit.
        commit: String,
        /// What `git` said.
        message: String,
    },
}

impl Outcome for StatedError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Refused { .. } | Self::Url { .. } => FailureKind::Refused,
            Self::Fetch { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = "`--checkout DIR` takes the revision from a clone or working copy that you have";
        Some(hint.to_owned())
    }
}
