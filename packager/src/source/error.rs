//! What can go wrong with a source, in the user's words.

mod git;
mod svn;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::timestamp::TimestampError;
use bulla_svn::WorkingCopyError;
pub use git::GitContentError;
pub use svn::{SvnError, SvnFailure};

use super::SubmoduleUrlError;
use super::ownership::ForeignCheckout;

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
    /// A repository that git itself could not open, or damage in it.
    #[error("cannot {action} the git repository `{repository}`", repository = .repository.display())]
    Git {
        /// What was being done.
        action: &'static str,
        /// The repository.
        repository: PathBuf,
        /// What gix said.
        #[source]
        source: gix::Error,
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
    /// A branch or tag that is not named in full.
    #[error(
        "expected the full name of a branch or tag, such as `refs/heads/main`, found {found:?}"
    )]
    NotReference {
        /// What was given.
        found: String,
    },
    /// A name where Subversion has a path.
    #[error(
        "a branch or tag was named, but `{repository}` is a Subversion directory, whose path is that"
    )]
    ReferenceOfSvn {
        /// The checkout or URL.
        repository: String,
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
    /// References that are not kept in files.
    #[error("the git repository `{repository}` keeps its references as {storage:?}, expected `files`", repository = .repository.display())]
    ReferenceStorage {
        /// The repository.
        repository: PathBuf,
        /// How it keeps them.
        storage: String,
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
    /// What a commit refers to and does not have itself.
    #[error(transparent)]
    GitContent(GitContentError),
    /// Changes that are in no revision.
    #[error("the checkout `{checkout}` has changes that are in no revision:\n{changes}", checkout = .checkout.display())]
    Dirty {
        /// The checkout.
        checkout: PathBuf,
        /// What changed.
        changes: Listing,
    },
    /// A working copy that is not exactly what one revision says.
    #[error("the working copy `{checkout}` is not exactly one revision:\n{problems}", checkout = .checkout.display())]
    NotOneRevision {
        /// The working copy.
        checkout: PathBuf,
        /// What is wrong with which path.
        problems: Listing,
        /// What mends it.
        mend: String,
    },
    /// No `svn` program.
    #[error("the program `svn`, which reads `{repository}`, is not installed")]
    SvnMissing {
        /// The checkout or URL.
        repository: String,
    },
    /// A revision in no form that Subversion has.
    #[error("expected a revision such as `4711`, `HEAD` or `{{2026-11-20}}`, found {revision:?}")]
    NotSvnRevision {
        /// What was asked for.
        revision: String,
        /// The checkout or URL.
        repository: String,
    },
    /// A directory that is in no revision at all.
    #[error("`{repository}` was never committed")]
    NeverCommitted {
        /// The checkout.
        repository: String,
    },
    /// A file, where a directory can be packed.
    #[error("`{repository}` is not a directory")]
    NotDirectory {
        /// The checkout or URL.
        repository: String,
    },
    /// A working copy of Subversion.
    #[error(transparent)]
    Subversion(#[from] SvnError),
    /// What `svn` could not do.
    #[error("`svn {command}` cannot read `{repository}`:\n{message}")]
    Svn {
        /// The subcommand.
        command: String,
        /// The checkout or URL.
        repository: String,
        /// Why, as far as the error codes tell.
        failure: SvnFailure,
        /// What `svn` said.
        message: String,
    },
    /// What `svn` should not have said.
    #[error("cannot understand what `svn {command}` says about `{repository}`")]
    SvnXml {
        /// The subcommand.
        command: String,
        /// The checkout or URL.
        repository: String,
        /// What is wrong with it.
        #[source]
        source: quick_xml::DeError,
    },
    /// A source of a release statement that is not asked for.
    #[error("the source {stated:?} of the release statement is refused: {why}")]
    StatedSourceRefused {
        /// What the statement says.
        stated: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A URL of a release statement that `git` should not be given.
    #[error("the source of the release statement is refused")]
    StatedSourceUrl {
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

impl From<WorkingCopyError> for SourceError {
    fn from(error: WorkingCopyError) -> Self {
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
            Self::NoRepository { .. }
            | Self::NoCommit { .. }
            | Self::UnknownRevision { .. }
            | Self::NotCommit { .. }
            | Self::NotReference { .. }
            | Self::ReferenceOfSvn { .. }
            | Self::NotSvnRevision { .. }
            | Self::NeverCommitted { .. }
            | Self::NotDirectory { .. } => FailureKind::Usage,
            Self::Foreign(_)
            | Self::Dirty { .. }
            | Self::NotOneRevision { .. }
            | Self::TooDeep { .. }
            | Self::TooMany { .. }
            | Self::StatedSourceRefused { .. }
            | Self::StatedSourceUrl { .. } => FailureKind::Refused,
            Self::GitContent(error) => error.kind(),
            Self::Svn { failure, .. } => failure.kind(),
            Self::Subversion(error) => error.kind(),
            Self::Git { .. }
            | Self::CommitTime { .. }
            | Self::Fetch { .. }
            | Self::ReferenceStorage { .. }
            | Self::SvnMissing { .. }
            | Self::SvnXml { .. }
            | Self::Io { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRepository { .. } => {
                "a release is made from a revision: run this in a git clone or an svn working copy, or give its path"
            }
            Self::Foreign(foreign) => return foreign.hint(),
            Self::NoCommit { .. } => "make a first commit with `git commit`",
            Self::UnknownRevision { shallow: true, .. } => {
                "the clone is shallow; `git fetch --unshallow` fetches the rest of the history"
            }
            Self::UnknownRevision { .. } => "`git fetch --tags` if it was made elsewhere",
            Self::Dirty { .. } => {
                "commit them, or name a revision with `--revision`; `--allow-dirty` packs them into a release that cannot be promoted"
            }
            Self::ReferenceStorage { .. } => {
                "`git refs migrate --ref-format=files` writes them as files"
            }
            Self::Git { action: "open", .. } => "`git status` there says more",
            Self::Git { source, .. } if source.is_corrupted() || source.is_not_found() => {
                "`git fsck` there says what is damaged; a fresh clone mends it"
            }
            Self::NotOneRevision { mend, .. } => mend,
            Self::StatedSourceRefused { .. }
            | Self::StatedSourceUrl { .. }
            | Self::Fetch { .. } => {
                "`--checkout DIR` takes the revision from a clone or working copy that you have"
            }
            Self::NeverCommitted { .. } => "make a first commit with `svn commit`",
            Self::SvnMissing { .. } => "install it, on Debian with `apt install subversion`",
            Self::GitContent(error) => return error.hint(),
            Self::Svn { failure, .. } => return failure.hint().map(str::to_owned),
            Self::Subversion(error) => return error.hint(),
            Self::ReferenceOfSvn { .. } => "leave `--ref` out",
            Self::NotReference { .. }
            | Self::NotSvnRevision { .. }
            | Self::NotDirectory { .. }
            | Self::NotCommit { .. }
            | Self::Git { .. }
            | Self::CommitTime { .. }
            | Self::TooDeep { .. }
            | Self::TooMany { .. }
            | Self::SvnXml { .. }
            | Self::Io { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Names with a word each, of which a message shows the first ten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(pub Vec<(String, String)>);

impl Listing {
    const SHOWN: usize = 10;
}

impl fmt::Display for Listing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (what, name)) in self.0.iter().take(Self::SHOWN).enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{what}: {}", escape(name))?;
        }
        match self.0.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => write!(formatter, "\nand {more} more"),
        }
    }
}
