//! Why an earlier release was not made live again.

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::{Digest, DigestPrefix, ProjectName};

use super::candidate::Candidate;
use crate::fetch::FetchError;
use crate::live::LiveError;
use crate::operation::resolve::ResolveError;
use crate::platform::files::FileError;
use crate::state::StateError;

/// Why a rollback did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// What is live cannot be read or switched.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// What is remembered of the log.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// People forbade the release, or the hash has two meanings.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Nothing of this project was ever installed here.
    #[error("nothing of `{project}` is installed here")]
    NotInstalled {
        /// The project.
        project: ProjectName,
    },
    /// No release to go back to.
    #[error("there is no release to go back to")]
    NothingBefore {
        /// What else was live here.
        candidates: Vec<Candidate>,
    },
    /// A hash that was never live here.
    #[error("`{asked}` was never live here")]
    NeverLive {
        /// What was asked for.
        asked: DigestPrefix,
        /// What was.
        candidates: Vec<Candidate>,
    },
    /// The release is not on this disk any more.
    #[error("the tree of {hash} is not on this disk any more")]
    TreeGone {
        /// The release.
        hash: Digest,
        /// What else was live here.
        candidates: Vec<Candidate>,
    },
    /// The tree is not as it was installed.
    #[error(
        "the tree of {hash} was changed since it was installed: {}",
        first_few(paths)
    )]
    TreeChanged {
        /// The release.
        hash: Digest,
        /// What differs.
        paths: Vec<String>,
    },
}

impl From<StateError> for RollbackError {
    fn from(error: StateError) -> Self {
        Self::Live(error.into())
    }
}

impl From<FileError> for RollbackError {
    fn from(error: FileError) -> Self {
        Self::Live(error.into())
    }
}

impl RollbackError {
    /// Returns the exit status' kind.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Live(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Resolve(error) => error.kind(),
            Self::NotInstalled { .. }
            | Self::NothingBefore { .. }
            | Self::NeverLive { .. }
            | Self::TreeGone { .. }
            | Self::TreeChanged { .. } => FailureKind::Failed,
        }
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Live(error) => return error.hint(),
            Self::Fetch(error) => return error.hint(),
            Self::Resolve(error) => return error.hint(),
            Self::NothingBefore { .. } | Self::TreeGone { .. } => {
                "promote the release you want back, with `bulla rollback`, and install it"
            }
            Self::TreeChanged { .. } => {
                "`bulla-installer install` writes it again and moves the changed tree aside"
            }
            Self::NotInstalled { .. } | Self::NeverLive { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Returns the releases that a person may want instead.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::NothingBefore { candidates }
            | Self::NeverLive { candidates, .. }
            | Self::TreeGone { candidates, .. } => candidates,
            _ => &[],
        }
    }
}

fn first_few(paths: &[String]) -> String {
    const FEW: usize = 3;
    let shown: Vec<_> = paths
        .iter()
        .take(FEW)
        .map(|path| format!("`{path}`"))
        .collect();
    match paths.len().saturating_sub(FEW) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
