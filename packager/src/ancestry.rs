//! Whether one revision has another in its history: for git as the object database of a checkout
//! says, for Subversion by path and number, and by what the repository says of copies and merges.
//!
//! No object is fetched. A checkout or server that cannot tell proves nothing and says so.

mod error;
mod git;
mod missing;
mod svn;

use std::path::Path;

pub use error::AncestryError;
pub use missing::{Missing, Revision};

use crate::source::svn::history::Place;

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
