//! Why an earlier release was not made live again.

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, DigestPrefix, ProjectName};

use super::candidate::Candidate;
use crate::drift::DriftError;
use crate::fetch::FetchError;
use crate::live::LiveError;
use crate::operation::resolve::ResolveError;
use crate::operation::write::WriteError;
use crate::platform::files::FileError;
use crate::site::Command;
use crate::state::StateError;
use crate::tree::Difference;
use crate::tree::compare::in_words;

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
        /// The project.
        project: ProjectName,
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
    /// The tree of the release is not on this disk any more, nor what it could be made of.
    #[error("{hash} was live here, and its tree is not on this disk any more")]
    Gone {
        /// The release.
        hash: Digest,
        /// The command that fetches it.
        command: Command,
        /// What else was live here.
        candidates: Vec<Candidate>,
    },
    /// The release's tree lacks files, and what could repair it is damaged too.
    #[error(
        "the tree of {hash} is not whole ({}), and cannot be repaired, because what is kept of the release is missing or damaged",
        in_words(differences)
    )]
    Incomplete {
        /// The release.
        hash: Digest,
        /// What differs from what this server recorded of the tree.
        differences: Vec<Difference>,
        /// The command that fetches what is missing.
        command: Command,
    },
    /// The release's tree was changed, and what is missing of it is not on this disk.
    #[error("the tree of {hash} cannot be repaired from this disk")]
    NotRepairable {
        /// The release.
        hash: Digest,
        /// The command that fetches what is missing.
        command: Command,
        /// What is missing.
        #[source]
        source: WriteError,
    },
    /// The tree was not repaired.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It cannot be told whether the tree was changed.
    #[error(transparent)]
    Drift(#[from] DriftError),
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

impl Outcome for RollbackError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Live(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Resolve(error) => error.kind(),
            Self::NotInstalled { .. }
            | Self::NothingBefore { .. }
            | Self::NeverLive { .. }
            | Self::Gone { .. }
            | Self::Incomplete { .. }
            | Self::NotRepairable { .. } => FailureKind::Failed,
            Self::Write(error) => error.kind(),
            Self::Drift(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Live(error @ LiveError::Hook(_)) => {
                let without = "`--no-hooks` goes back without hooks and checks".to_owned();
                let hint = error.hint();
                return Some(hint.map_or(without.clone(), |hint| format!("{hint}; {without}")));
            }
            Self::Live(error) => return error.hint(),
            Self::Fetch(error) => return error.hint(),
            Self::Resolve(error) => return error.hint(),
            Self::Write(error) => return error.hint(),
            Self::Drift(error) => return error.hint(),
            Self::NothingBefore {
                project,
                candidates,
            } => {
                let usable =
                    |candidate: &&Candidate| candidate.on_disk && candidate.revoked.is_none();
                if let Some(candidate) = candidates.iter().find(usable) {
                    let hash = candidate.hash.short();
                    return Some(format!(
                        "to go to a release that was live before, name it: \
                         {}",
                        Command::new(format!("rollback {project} {hash}"))
                    ));
                }
                "promote the release you want back, with `bulla rollback`, and install it"
            }
            Self::Gone { command, .. }
            | Self::Incomplete { command, .. }
            | Self::NotRepairable { command, .. } => {
                return Some(format!("with the registry in reach: {command}"));
            }
            Self::NotInstalled { .. } | Self::NeverLive { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn output(&self) -> Option<&str> {
        match self {
            Self::Live(error) => error.output(),
            _ => None,
        }
    }
}

impl RollbackError {
    /// Returns the releases that a person may want instead.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::NothingBefore { candidates, .. }
            | Self::NeverLive { candidates, .. }
            | Self::Gone { candidates, .. } => candidates,
            _ => &[],
        }
    }
}
