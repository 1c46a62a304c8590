//! Why a checkout cannot tell whether one revision has another in its history.

use std::path::PathBuf;

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::source::{ForeignCheckout, SourceError, SpecialFile};

/// Why it cannot be known here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AncestryError {
    /// No git repository.
    #[error("`{}` is in no git repository", .directory.display())]
    NoCheckout {
        /// Where the search began.
        directory: PathBuf,
    },
    /// The checkout of another user.
    #[error(transparent)]
    Foreign(#[from] ForeignCheckout),
    /// A pipe, a device or a socket in it.
    #[error(transparent)]
    Special(#[from] SpecialFile),
    /// The repository does not have the commit that is to be promoted.
    #[error("`{}` does not have the commit {commit}", .repository.display())]
    UnknownCommit {
        /// The commit.
        commit: String,
        /// The repository.
        repository: PathBuf,
    },
    /// The clone ends before the answer.
    #[error("`{}` has only the latest part of the history", .repository.display())]
    Incomplete {
        /// The repository.
        repository: PathBuf,
        /// Whether it was cloned so.
        shallow: bool,
    },
    /// One revision is of another repository than the other.
    #[error("the two revisions are of different repositories")]
    OtherRepository,
    /// No Subversion working copy, and no address of the repository.
    #[error("`{}` is in no working copy of the repository", .directory.display())]
    NoWorkingCopy {
        /// Where the search began.
        directory: PathBuf,
    },
    /// The Subversion repository does not tell.
    #[error("the repository does not say which revisions of `{live}` are part of `{target}`", live = escape(.live), target = escape(.target))]
    Svn {
        /// The path that is live.
        live: String,
        /// The other path.
        target: String,
        /// Why not.
        #[source]
        source: Box<SourceError>,
    },
    /// The repository cannot be read.
    #[error("cannot read the git repository `{}`", .repository.display())]
    Git {
        /// The repository.
        repository: PathBuf,
        /// What gix said.
        #[source]
        source: gix::Error,
    },
}

impl Outcome for AncestryError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Svn { source, .. } => source.hint(),
            Self::NoWorkingCopy { .. } | Self::NoCheckout { .. } => Some(
                "go into a checkout of the project, or name one with --checkout DIR".to_owned(),
            ),
            Self::Foreign(foreign) => foreign.hint(),
            Self::Special(special) => special.hint(),
            Self::UnknownCommit { repository, .. } => Some(format!(
                "`git -C {} fetch`, or name another checkout with --checkout DIR",
                repository.display()
            )),
            Self::Incomplete {
                repository,
                shallow,
            } => Some(format!(
                "`git -C {} fetch{}`, or name another checkout with --checkout DIR",
                repository.display(),
                if *shallow { " --unshallow" } else { "" }
            )),
            Self::Git { repository, .. } => Some(format!("`git -C {} fsck`", repository.display())),
            Self::OtherRepository => None,
        }
    }
}
