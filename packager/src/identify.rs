//! Which release a directory is, or is nearest to, and what differs.
//!
//! Files and links count, with their executable bits, and directories that a release has and that
//! are empty. What lies at persistent paths does not count, nor what version control keeps beside
//! the files (`.git`, `.svn`), nor the installer's own `.bulla-release`.

mod folder;
mod nearness;

use std::cmp::Ordering;
use std::io;
use std::path::PathBuf;

use bulla_registry_client::Client;
use bulla_schemas::install::PersistentPath;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::report::PathDifference;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;

use crate::contents::{self, ContentsError};

pub use folder::Folder;

/// The release that a directory is nearest to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// The release.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// How many of its files and links are in the directory as they should be.
    pub same: u64,
    /// The paths that differ, sorted.
    pub differences: Vec<PathDifference>,
}

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
            Self::Folder { .. } | Self::TooMany { .. } => FailureKind::Usage,
            Self::NoReleases { .. } | Self::NothingInCommon { .. } => FailureKind::Failed,
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

impl Identified {
    /// Tells whether nothing differs.
    pub fn is_exact(&self) -> bool {
        self.differences.is_empty()
    }

    /// Tells whether more of this release is in the directory than of the other, measured by all
    /// that one or both of release and directory have.
    fn is_nearer_than(&self, other: &Self) -> bool {
        let different = |one: &Self| one.differences.len() as u64;
        let share =
            |one: &Self, of: &Self| u128::from(one.same) * u128::from(of.same + different(of));
        match share(self, other).cmp(&share(other, self)) {
            Ordering::Equal => different(self) < different(other),
            order => order.is_gt(),
        }
    }
}

/// Returns what a folder is compared with: the project's newest `last` releases first, then heads
/// of channels that are older.
pub fn candidates(
    state: &LogState,
    project: &ProjectName,
    last: usize,
) -> Result<Vec<Digest>, IdentifyError> {
    let newest = state.releases(project).rev().take(last);
    let mut candidates: Vec<Digest> = newest.map(|release| release.hash).collect();
    for head in state.channels(project) {
        if !candidates.contains(&head.hash) {
            candidates.push(head.hash);
        }
    }
    if candidates.is_empty() {
        return Err(IdentifyError::NoReleases {
            project: project.clone(),
            known: state.projects().cloned().collect(),
        });
    }
    Ok(candidates)
}

/// Compares a folder with releases of a project, and returns the nearest, the first of equals. The
/// first that is exact ends the search.
pub async fn identify(
    client: &Client,
    project: &ProjectName,
    candidates: &[Digest],
    folder: &Folder,
) -> Result<Identified, IdentifyError> {
    let mut nearest: Option<Identified> = None;
    let mut beside = None;
    for hash in candidates {
        // Releases that follow each other share most of their index.
        let bundle = contents::fetch_beside(client, project, *hash, beside.as_ref()).await?;
        let found = nearness::compare(&bundle, folder);
        if found.is_exact() {
            return Ok(found);
        }
        if nearest
            .as_ref()
            .is_none_or(|nearest| found.is_nearer_than(nearest))
        {
            nearest = Some(found);
        }
        beside = Some(bundle);
    }
    nearest
        .filter(|nearest| nearest.same > 0)
        .ok_or_else(|| IdentifyError::NothingInCommon {
            path: folder.path.clone(),
            project: project.clone(),
            compared: candidates.len(),
        })
}

/// Tells whether a path lies at one of the persistent ones.
fn is_persistent(path: &str, persist: &[PersistentPath]) -> bool {
    persist.iter().any(|persistent| {
        let rest = path.strip_prefix(persistent.path().as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
