//! What can be wrong with a commit's content, though the commit itself is there.

use std::path::PathBuf;

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::source::git::submodules::SubmoduleUrlError;
use crate::source::listing::Listing;

/// Why the content of a commit cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitContentError {
    /// A commit of another repository, which is not named.
    #[error("`{path}` is a commit of another repository, but `.gitmodules` does not say of which", path = escape(path))]
    Undeclared {
        /// Where it is mounted.
        path: String,
    },
    /// A path that is a submodule and a directory at once.
    #[error("`{path}` is a submodule, but the commit has `{file}` below it", path = escape(path), file = escape(file))]
    BelowSubmodule {
        /// Where the submodule is mounted.
        path: String,
        /// A file of the commit itself.
        file: String,
    },
    /// A name that `git` neither commits nor checks out.
    #[error("the commit has an entry `{path}`, a name that `git` neither commits nor checks out", path = escape(path))]
    EntryName {
        /// Its path.
        path: String,
    },
    /// A name or path that leads elsewhere.
    #[error("the submodule `{path}` is refused: its {what} {value:?} leads out of its place", path = escape(path))]
    Misplaced {
        /// Where it is mounted.
        path: String,
        /// Name or path.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// Submodules of submodules without end.
    #[error("the submodule `{path}` is refused: at most {most} {what}", path = escape(path))]
    TooManySubmodules {
        /// Where the first one too many is mounted.
        path: String,
        /// The limit.
        most: usize,
        /// What is limited.
        what: &'static str,
    },
    /// A file of settings that cannot be read.
    #[error("cannot read `{path}` of the commit", path = escape(path))]
    Settings {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A URL that is not asked.
    #[error("cannot get the submodule `{path}`", path = escape(path))]
    SubmoduleUrl {
        /// Where it is mounted.
        path: String,
        /// Why not.
        #[source]
        source: SubmoduleUrlError,
    },
    /// A commit that neither the clone nor the submodule's own repository gave.
    #[error("cannot get commit {commit} of the submodule `{path}` from `{url}`:\n{said}", path = escape(path))]
    SubmoduleUnavailable {
        /// Where it is mounted.
        path: String,
        /// The commit that is recorded.
        commit: String,
        /// Where it was looked for.
        url: String,
        /// What `git` said.
        said: String,
    },
    /// Pointers without content.
    #[error("the content of files in Git LFS cannot be had:\n{files}\n{said}")]
    LargeFiles {
        /// The files.
        files: Listing,
        /// What `git lfs` said.
        said: String,
    },
    /// A text that begins as a pointer and goes on as something else.
    #[error("`{path}` is a broken pointer of Git LFS: {why}", path = escape(path))]
    Pointer {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A placeholder whose value does not follow from the commit.
    #[error("`{path}` has `export-subst` and asks for `{placeholder}`, whose value does not follow from the commit", path = escape(path), placeholder = escape(placeholder))]
    Placeholder {
        /// The file.
        path: String,
        /// What it asks for.
        placeholder: String,
    },
    /// A large file with `export-subst`.
    #[error("`{path}` has `export-subst` and {size} bytes, at most {most} are searched", path = escape(path))]
    TooLargeToSubstitute {
        /// The file.
        path: String,
        /// Its size.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// Objects that are not in this clone.
    #[error("the git repository `{repository}` does not have the content of:\n{objects}", repository = .repository.display())]
    Absent {
        /// The repository.
        repository: PathBuf,
        /// The objects and their paths.
        objects: Listing,
        /// Whether it is a partial clone, which leaves objects out on purpose.
        partial: bool,
    },
}

impl GitContentError {
    pub(in crate::source::git) fn unreadable(
        path: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Settings {
            path: path.into(),
            source: source.into(),
        }
    }
}

impl Outcome for GitContentError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Settings { .. }
            | Self::SubmoduleUnavailable { .. }
            | Self::LargeFiles { .. }
            | Self::Absent { .. } => FailureKind::Failed,
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Undeclared { .. } => {
                "`git submodule add URL PATH` declares it; or leave it out with `exclude`"
            }
            Self::Misplaced { .. } | Self::SubmoduleUrl { .. } => {
                "mend `.gitmodules`, or leave the submodule out with `exclude`"
            }
            Self::BelowSubmodule { .. } | Self::EntryName { .. } => {
                "`git fsck` says what else is wrong with the tree; commit it again"
            }
            Self::SubmoduleUnavailable { .. } => {
                "`git submodule update --init --recursive` gets it; or leave it out with `exclude`"
            }
            Self::LargeFiles { .. } => {
                "`git lfs fetch` gets them; leave them out with `exclude`, or pack the pointers with `[source] lfs = \"pointers\"`"
            }
            Self::Pointer { .. } => {
                "commit the file again with `git lfs` installed, or pack the pointers with `[source] lfs = \"pointers\"`"
            }
            Self::Placeholder { .. } => {
                "`%H` is the whole commit id and `%cI` its date; or take `export-subst` off the file in `.gitattributes`"
            }
            Self::Absent { partial: true, .. } => {
                "the clone is partial; `git fetch --refetch --no-filter` fetches all objects"
            }
            Self::Absent { partial: false, .. } => {
                "the clone is damaged; `git fsck` says how far, a fresh clone mends it"
            }
            Self::TooManySubmodules { .. } => "leave it out with `exclude`",
            Self::Settings { .. } | Self::TooLargeToSubstitute { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
