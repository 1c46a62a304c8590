//! What can go wrong with a source, in the user's words: what each version control system says,
//! and what is the same for both.

use std::io;
use std::path::{Path, PathBuf};

use bulla_schemas::EntryPath;
use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::timestamp::TimestampError;
use bulla_svn::WorkingCopyError;

use super::git::{GitContentError, GitError};
use super::ownership::ForeignCheckout;
use super::remote::StatedError;
use super::special::SpecialFile;
use super::svn::{ExternalError, SvnError};

/// Why a revision cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Neither git nor Subversion.
    #[error(
        "`{directory}` is in no repository; looked for `.git`, a bare git repository and `.svn` there and in every directory above",
        directory = .directory.display()
    )]
    NoRepository {
        /// Where the search began.
        directory: PathBuf,
    },
    /// A checkout of another user.
    #[error(transparent)]
    Foreign(#[from] ForeignCheckout),
    /// A pipe, a device or a socket in it.
    #[error(transparent)]
    Special(#[from] SpecialFile),
    /// A file, where a directory can be packed.
    #[error("`{repository}` is not a directory")]
    NotDirectory {
        /// The checkout or URL.
        repository: String,
    },
    /// A branch or tag that is not named in full.
    #[error(
        "expected the full name of a branch or tag, such as `refs/heads/main`, found {found:?}"
    )]
    NotReference {
        /// What was given.
        found: String,
    },
    /// A commit time outside what a release document can say.
    #[error("revision {revision} has a commit time that cannot be written")]
    CommitTime {
        /// The revision.
        revision: String,
        /// Why not.
        #[source]
        source: TimestampError,
    },
    /// A revision in the recipe that nothing needs.
    #[error("the recipe gives a revision for the external `{path}`, and there is no external without one", path = escape(.path.as_str()))]
    UnusedPin {
        /// Where the external should be.
        path: EntryPath,
    },
    /// A git repository.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A Subversion checkout.
    #[error(transparent)]
    Subversion(#[from] SvnError),
    /// The source of a release statement.
    #[error(transparent)]
    Stated(#[from] StatedError),
    /// A file of the system.
    #[error("{action} `{path}`", path = .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl From<GitContentError> for SourceError {
    fn from(error: GitContentError) -> Self {
        Self::Git(error.into())
    }
}

impl From<WorkingCopyError> for SourceError {
    fn from(error: WorkingCopyError) -> Self {
        Self::Subversion(error.into())
    }
}

impl From<ExternalError> for SourceError {
    fn from(error: ExternalError) -> Self {
        Self::Subversion(error.into())
    }
}

impl SourceError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

impl Outcome for SourceError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NotReference { .. } | Self::UnusedPin { .. } => FailureKind::Usage,
            Self::Foreign(_) => FailureKind::Refused,
            Self::Special(special) => special.kind(),
            Self::Git(error) => error.kind(),
            Self::Subversion(error) => error.kind(),
            Self::Stated(error) => error.kind(),
            Self::NoRepository { .. }
            | Self::NotDirectory { .. }
            | Self::CommitTime { .. }
            | Self::Io { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRepository { .. } => {
                "a release is made from a revision: run this in a git clone or an svn working copy, or give its path"
            }
            Self::UnusedPin { .. } => "take it out of `[source]` `externals`",
            Self::Foreign(foreign) => return foreign.hint(),
            Self::Special(special) => return special.hint(),
            Self::Git(error) => return error.hint(),
            Self::Subversion(error) => return error.hint(),
            Self::Stated(error) => return error.hint(),
            Self::NotDirectory { .. }
            | Self::NotReference { .. }
            | Self::CommitTime { .. }
            | Self::Io { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
