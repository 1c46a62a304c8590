//! Why a release cannot be made live.

use std::path::PathBuf;

use bulla_schemas::ProjectName;
use bulla_schemas::outcome::{FailureKind, Outcome};

use super::failed::FailedRelease;
use super::hooks::HookError;
use crate::platform::files::FileError;
use crate::state::StateError;

/// Why what is live cannot be read or switched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The installer's own state.
    #[error(transparent)]
    State(#[from] StateError),
    /// What runs around the switch cannot run, or its `prepare` failed: nothing was changed.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The release was made live and failed.
    #[error(transparent)]
    Failed(Box<FailedRelease>),
    /// The installer that runs a hook waits for it, and holds the lock.
    #[error("`{project}` is locked by {holder}, and its hook `{hook}` started this command")]
    InsideHook {
        /// The project.
        project: ProjectName,
        /// Who holds the lock.
        holder: String,
        /// The hook.
        hook: String,
    },
    /// A folder that the installer did not make.
    #[error("`{}` is a {found}, not a directory that bulla-installer made", path.display())]
    ForeignFolder {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// A `releases` that another program made.
    #[error(
        "`{}` holds `{name}`, which is no release of bulla-installer's, and nothing was ever installed here",
        path.display()
    )]
    ForeignReleases {
        /// The path.
        path: PathBuf,
        /// One of the things in it.
        name: String,
    },
    /// Other users could exchange what is live.
    #[error("other users could exchange what is live: {}", list(found))]
    Shared {
        /// Each folder, and what is wrong with it.
        found: Vec<FileError>,
    },
    /// `current` is a directory or a file.
    #[error("`{}` is a {found}, not a link that bulla-installer made", path.display())]
    CurrentIsNoLink {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// `current` points to something else than a release.
    #[error(
        "`{}` points to `{}`, not to a release that bulla-installer made",
        path.display(),
        target.display()
    )]
    CurrentIsForeign {
        /// The path.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
}

impl Outcome for LiveError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::State(error) => error.kind(),
            Self::Hook(error) => error.kind(),
            Self::Failed(error) => error.kind(),
            Self::Shared { .. } => FailureKind::Refused,
            Self::InsideHook { .. }
            | Self::ForeignFolder { .. }
            | Self::ForeignReleases { .. }
            | Self::CurrentIsNoLink { .. }
            | Self::CurrentIsForeign { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Hook(error) => error.hint(),
            Self::Failed(error) => error.hint(),
            Self::Shared { found } => {
                let hints: Vec<_> = found.iter().filter_map(Outcome::hint).collect();
                Some(hints.join("; "))
            }
            Self::InsideHook { .. } => {
                Some("a hook cannot change the project that it belongs to".to_owned())
            }
            Self::ForeignFolder { .. }
            | Self::ForeignReleases { .. }
            | Self::CurrentIsNoLink { .. }
            | Self::CurrentIsForeign { .. } => {
                Some("move it away; bulla-installer replaces only what it made itself".to_owned())
            }
        }
    }

    fn output(&self) -> Option<&str> {
        match self {
            Self::Hook(error) => error.output(),
            Self::Failed(error) => error.output(),
            _ => None,
        }
    }
}

fn list(found: &[FileError]) -> String {
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    found.join(", ")
}
