//! Where a release stands in the history of its repository, and what another one lacks of that.

use std::collections::{BTreeSet, HashSet};

use bulla_schemas::release::Source;
use bulla_trust::ReleaseRecord;

/// Where a release stands in the history of its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// A git commit, the same in every clone.
    Git {
        /// Its id in hex.
        commit: String,
    },
    /// A path of a Subversion repository at a revision.
    Svn {
        /// The repository: its UUID, or its URL when only the log is at hand.
        repository: String,
        /// The path, empty for the root.
        path: String,
        /// The number.
        number: u64,
        /// The address of the repository, as a builder gave it: `svn+URL`.
        source: Option<String>,
    },
}

/// What of a live revision another one lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: the live revision is part of its history.
    Nothing,
    /// These git commits; only the live one when the checkout knows no more about it.
    Commits(HashSet<gix::ObjectId>),
    /// These revisions, which came to a path of a Subversion repository and not to another.
    SvnRevisions {
        /// The path.
        path: String,
        /// The numbers.
        numbers: BTreeSet<u64>,
    },
    /// These revisions of a path in a Subversion repository.
    Svn {
        /// The path.
        path: String,
        /// The last revision before them that is not missing; `None` when all are.
        after: Option<u64>,
        /// The live one.
        through: u64,
    },
}

impl Revision {
    /// Takes what the release document says.
    pub fn of_source(source: &Source) -> Option<Self> {
        match source {
            Source::Git { revision, .. } => Some(Self::Git {
                commit: revision.clone(),
            }),
            Source::Svn {
                revision,
                uuid,
                path,
                ..
            } => Some(Self::Svn {
                repository: uuid.clone(),
                path: path.clone(),
                number: revision.parse().ok()?,
                source: None,
            }),
        }
    }

    /// Adds what a builder said of the repository's address.
    #[must_use]
    pub fn found_at(mut self, record: &ReleaseRecord) -> Self {
        if let Self::Svn { source, .. } = &mut self {
            *source = Some(record.source.clone());
        }
        self
    }

    /// Takes what a builder said, for a release whose document is not at hand.
    pub fn of_record(record: &ReleaseRecord) -> Option<Self> {
        if record.source.starts_with("svn+") {
            return Some(Self::Svn {
                repository: record.source.clone(),
                path: record.reference.clone(),
                number: record.revision.parse().ok()?,
                source: Some(record.source.clone()),
            });
        }
        Some(Self::Git {
            commit: record.revision.clone(),
        })
    }
}

impl Missing {
    /// Tells whether this revision is missing.
    pub fn has(&self, revision: &Revision) -> bool {
        match (self, revision) {
            (Self::Commits(commits), Revision::Git { commit }) => {
                gix::ObjectId::from_hex(commit.as_bytes()).is_ok_and(|id| commits.contains(&id))
            }
            (
                Self::Svn {
                    path,
                    after,
                    through,
                },
                Revision::Svn {
                    path: found,
                    number,
                    ..
                },
            ) => path == found && number <= through && after.is_none_or(|after| *number > after),
            (
                Self::SvnRevisions { path, numbers },
                Revision::Svn {
                    path: found,
                    number,
                    ..
                },
            ) => path == found && numbers.contains(number),
            _ => false,
        }
    }
}
