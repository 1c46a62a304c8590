//! What can go wrong with a git repository, and with a commit in it.

mod content;

use std::path::PathBuf;

use bulla_schemas::outcome::{FailureKind, Outcome};
pub use content::GitContentError;

use crate::source::listing::Listing;

/// Why a commit cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// A repository that git itself could not open, or damage in it.
    #[error("cannot {action} the git repository `{repository}`", repository = .repository.display())]
    Repository {
        /// What was being done.
        action: &'static str,
        /// The repository.
        repository: PathBuf,
        /// What gix said.
        #[source]
        source: gix::Error,
    },
    /// References that are not kept in files.
    #[error("the git repository `{repository}` keeps its references as {storage:?}, expected `files`", repository = .repository.display())]
    ReferenceStorage {
        /// The repository.
        repository: PathBuf,
        /// How it keeps them.
        storage: String,
    },
    /// A repository without a commit.
    #[error("the git repository `{repository}` has no commit yet", repository = .repository.display())]
    NoCommit {
        /// The repository.
        repository: PathBuf,
    },
    /// A name that leads to nothing.
    #[error("there is no revision {revision:?} in `{repository}`", repository = .repository.display())]
    UnknownRevision {
        /// What was asked for.
        revision: String,
        /// The repository.
        repository: PathBuf,
        /// Whether the clone has only part of the history.
        shallow: bool,
        /// What gix said, when it is more than that.
        #[source]
        source: Option<gix::Error>,
    },
    /// A name that leads to a tree or a blob.
    #[error("expected {revision:?} to name a commit, found something else in `{repository}`", repository = .repository.display())]
    NotCommit {
        /// What was asked for.
        revision: String,
        /// The repository.
        repository: PathBuf,
        /// What gix said.
        #[source]
        source: gix::Error,
    },
    /// A tree whose paths are longer than any path may be.
    #[error("the tree is nested too deep at {path:?}")]
    TooDeep {
        /// The beginning of the path.
        path: String,
    },
    /// A tree with more entries than can be listed.
    #[error("the commit in `{repository}` has more than {most} entries and directories, which is the most that is listed", repository = .repository.display())]
    TooMany {
        /// The repository.
        repository: PathBuf,
        /// The limit.
        most: usize,
    },
    /// Changes that are in no revision.
    #[error("the checkout `{checkout}` has changes that are in no revision:\n{changes}", checkout = .checkout.display())]
    Dirty {
        /// The checkout.
        checkout: PathBuf,
        /// What changed.
        changes: Listing,
    },
    /// What a commit refers to and does not have itself.
    #[error(transparent)]
    Content(#[from] GitContentError),
}

impl Outcome for GitError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::TooDeep { .. } | Self::TooMany { .. } | Self::Dirty { .. } => {
                FailureKind::Refused
            }
            Self::Repository { .. }
            | Self::ReferenceStorage { .. }
            | Self::NoCommit { .. }
            | Self::UnknownRevision { .. }
            | Self::NotCommit { .. } => FailureKind::Failed,
            Self::Content(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Repository { action: "open", .. } => "`git status` there says more",
            Self::Repository { source, .. } if source.is_corrupted() || source.is_not_found() => {
                "`git fsck` there says what is damaged; a fresh clone mends it"
            }
            Self::ReferenceStorage { .. } => {
                "`git refs migrate --ref-format=files` writes them as files"
            }
            Self::NoCommit { .. } => "make a first commit with `git commit`",
            Self::UnknownRevision { shallow: true, .. } => {
                "the clone is shallow; `git fetch --unshallow` fetches the rest of the history"
            }
            Self::UnknownRevision { .. } => "`git fetch --tags` if it was made elsewhere",
            Self::Dirty { .. } => {
                "commit them, or name a revision with `--revision`; `--allow-dirty` packs them into a release that cannot be promoted"
            }
            Self::Content(error) => return error.hint(),
            Self::Repository { .. }
            | Self::NotCommit { .. }
            | Self::TooDeep { .. }
            | Self::TooMany { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
