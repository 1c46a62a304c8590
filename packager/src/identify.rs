//! Which release a directory is, or is nearest to, and what differs.
//!
//! Files and links count, with their executable bits, and directories that a release has and that
//! are empty. What lies at persistent paths does not count, nor what version control keeps beside
//! the files (`.git`, `.svn`), nor the installer's own `.bulla-release`.

mod folder;
mod nearness;

use std::io;
use std::path::PathBuf;

use bulla_registry_client::Client;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::{Digest, EntryPath, ProjectName};
use bulla_trust::LogState;
use serde::Serialize;

use crate::contents::{self, ContentsError};

pub use folder::Folder;

/// The release that a directory is nearest to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identified {
    /// The release.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// How many of its files and links are in the directory as they should be.
    pub same: u64,
    /// The paths that differ, sorted.
    pub differences: Vec<Difference>,
}

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The path.
    pub path: String,
    /// How it differs.
    pub difference: DifferenceKind,
}

/// How a path differs from the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// Only the release has it.
    Missing,
    /// Only the directory has it.
    Extra,
    /// Other content, or another target.
    Changed,
    /// Another executable bit.
    Mode,
    /// Another kind of entry, or one that no release can have.
    Kind,
    /// It cannot be read.
    Unreadable,
}

/// Why a directory cannot be identified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// It is no directory that can be read.
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
    },
    /// A release cannot be fetched.
    #[error(transparent)]
    Contents(#[from] ContentsError),
}

impl IdentifyError {
    /// Returns the exit status' kind.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Folder { .. } | Self::TooMany { .. } => FailureKind::Usage,
            Self::NoReleases { .. } => FailureKind::Failed,
            Self::Contents(error) => error.kind(),
        }
    }

    /// Returns what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Folder { .. } | Self::TooMany { .. } => {
                Some("name the directory that holds a release's files".to_owned())
            }
            Self::NoReleases { .. } => Some("name another project with --project".to_owned()),
            Self::Contents(error) => error.hint(),
        }
    }
}

impl Identified {
    /// Tells whether nothing differs.
    pub fn is_exact(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares a folder with the heads of the project's channels and its newest `last` releases, and
/// returns the nearest, the newest of equals. The first that is exact ends the search.
pub async fn identify(
    client: &Client,
    state: &LogState,
    project: &ProjectName,
    folder: &Folder,
    last: usize,
) -> Result<Identified, IdentifyError> {
    let mut nearest: Option<Identified> = None;
    let mut beside = None;
    for hash in candidates(state, project, last) {
        // Releases that follow each other share most of their index.
        let bundle = contents::fetch_beside(client, project, hash, beside.as_ref()).await?;
        let found = nearness::compare(&bundle, folder);
        if nearest
            .as_ref()
            .is_none_or(|nearest| found.differences.len() < nearest.differences.len())
        {
            let is_exact = found.is_exact();
            nearest = Some(found);
            if is_exact {
                break;
            }
        }
        beside = Some(bundle);
    }
    nearest.ok_or_else(|| IdentifyError::NoReleases {
        project: project.clone(),
    })
}

/// The newest releases first, then heads that are older.
fn candidates(state: &LogState, project: &ProjectName, last: usize) -> Vec<Digest> {
    let newest = state.releases(project).rev().take(last);
    let mut candidates: Vec<Digest> = newest.map(|release| release.hash).collect();
    for head in state.channels(project) {
        if !candidates.contains(&head.hash) {
            candidates.push(head.hash);
        }
    }
    candidates
}

/// Tells whether a path lies at one of the persistent ones.
fn is_persistent(path: &str, persist: &[EntryPath]) -> bool {
    persist.iter().any(|persistent| {
        let rest = path.strip_prefix(persistent.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
