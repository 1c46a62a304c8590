//! Why a directory cannot be identified.

use std::io;
use std::path::PathBuf;

use bulla_schemas::ProjectName;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::contents::ContentsError;

/// Why a directory cannot be identified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// The directory cannot be read.
    #[error("cannot list `{}`", .path.display())]
    Folder {
        /// The directory.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// More than a release may have.
    #[error("at most {limit} entries are looked at, `{}` has more", .path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// The project has no releases.
    #[error("the log has no release of {project}")]
    NoReleases {
        /// The project.
        project: ProjectName,
        /// The projects that have some.
        known: Vec<ProjectName>,
    },
    /// No release is near.
    #[error(
        "`{}` has no file in common with any of the {compared} releases of {project} that were \
         compared",
        .path.display()
    )]
    NothingInCommon {
        /// The directory.
        path: PathBuf,
        /// The project.
        project: ProjectName,
        /// How many releases were compared.
        compared: usize,
    },
    /// A release cannot be fetched.
    #[error(transparent)]
    Contents(#[from] ContentsError),
}

impl Outcome for IdentifyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::TooMany { .. } => FailureKind::Refused,
            Self::Folder { .. } | Self::NoReleases { .. } | Self::NothingInCommon { .. } => {
                FailureKind::Failed
            }
            Self::Contents(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Folder { .. } | Self::TooMany { .. } => {
                Some("name the directory that holds a release's files".to_owned())
            }
            Self::NoReleases { known, .. } if known.is_empty() => None,
            Self::NoReleases { known, .. } => {
                let known: Vec<_> = known.iter().map(ProjectName::as_str).collect();
                Some(format!(
                    "name one that has with --project: {}",
                    known.join(", ")
                ))
            }
            Self::NothingInCommon { .. } => Some(
                "name another directory, another --project, or more releases with --last N"
                    .to_owned(),
            ),
            Self::Contents(error) => error.hint(),
        }
    }
}
