//! Whether one revision has another in its history: for git as the object database of a checkout
//! says, for Subversion by path and number, and by what the repository says of copies and merges.
//!
//! No object is fetched. A checkout or server that cannot tell proves nothing and says so.

mod error;
mod git;
mod svn;

use std::collections::BTreeSet;
use std::path::Path;

use bulla_schemas::release::Source;
use bulla_trust::ReleaseRecord;

pub use error::AncestryError;

use crate::source::svn::history::Place;

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
    Commits(std::collections::HashSet<gix::ObjectId>),
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

/// Finds what of `live` is not in the history of `target`. A git history is read in the checkout
/// at or above `directory`; a Subversion repository is asked as the working copy there reaches it,
/// else at the address that a builder gave.
pub fn missing(
    live: &Revision,
    target: &Revision,
    directory: &Path,
) -> Result<Missing, AncestryError> {
    match (live, target) {
        (Revision::Git { commit: live }, Revision::Git { commit: target }) => {
            if live == target {
                return Ok(Missing::Nothing);
            }
            git::missing(live, target, directory)
        }
        (
            Revision::Svn {
                repository: live_repository,
                path: live_path,
                number: live,
                source: live_source,
            },
            Revision::Svn {
                repository,
                path,
                number,
                source,
            },
        ) if live_repository == repository => {
            if path == live_path && number >= live {
                return Ok(Missing::Nothing);
            }
            if path == live_path {
                return Ok(Missing::Svn {
                    path: live_path.clone(),
                    after: Some(*number),
                    through: *live,
                });
            }
            let (live, target) = (
                Place {
                    path: live_path,
                    number: *live,
                },
                Place {
                    path,
                    number: *number,
                },
            );
            let source = source.as_deref().or(live_source.as_deref());
            svn::missing(repository, live, target, source, directory)
        }
        _ => Err(AncestryError::OtherRepository),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svn(repository: &str, path: &str, number: u64) -> Revision {
        Revision::Svn {
            repository: repository.to_owned(),
            path: path.to_owned(),
            number,
            source: None,
        }
    }

    #[test]
    fn a_later_revision_of_the_same_path_has_the_earlier_one() {
        let nowhere = Path::new("/nonexistent");
        let missing = |live: &Revision, target: &Revision| missing(live, target, nowhere);
        let (old, new) = (svn("a", "trunk", 7), svn("a", "trunk", 9));
        assert_eq!(missing(&old, &new).unwrap(), Missing::Nothing);
        assert_eq!(missing(&new, &new).unwrap(), Missing::Nothing);
        let back = missing(&new, &old).unwrap();
        assert!(back.has(&new) && !back.has(&old));
        assert!(back.has(&svn("a", "trunk", 8)));
        assert!(!back.has(&svn("a", "branches/fix", 8)));
    }

    #[test]
    fn another_path_or_repository_cannot_tell_where_nothing_can_be_asked() {
        let nowhere = Path::new("/nonexistent");
        let (trunk, branch) = (svn("a", "trunk", 7), svn("a", "branches/fix", 9));
        assert!(missing(&trunk, &branch, nowhere).is_err());
        assert!(missing(&trunk, &svn("b", "trunk", 9), nowhere).is_err());
        let git = Revision::Git {
            commit: "0".repeat(40),
        };
        assert!(missing(&trunk, &git, nowhere).is_err());
        assert_eq!(missing(&git, &git, nowhere).unwrap(), Missing::Nothing);
    }
}
