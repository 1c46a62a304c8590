//! The history of a git commit, from the object database alone: no replacement objects, no
//! `GIT_*` variables, nothing fetched.

use std::collections::HashSet;
use std::path::Path;

use gix::ObjectId;

use super::error::AncestryError;
use super::missing::Missing;
use crate::source::discover::discover_git;
use crate::source::ownership::require_own_git;
use crate::source::special::require_files_of_git;

/// Finds the commits of `live` that are not in the history of `target`.
pub(super) fn missing(
    live: &str,
    target: &str,
    directory: &Path,
) -> Result<Missing, AncestryError> {
    let history = History::open(directory)?;
    let (Ok(live), Ok(target)) = (
        ObjectId::from_hex(live.as_bytes()),
        ObjectId::from_hex(target.as_bytes()),
    ) else {
        return Err(AncestryError::OtherRepository);
    };
    if !history.repository.has_object(target) {
        return Err(AncestryError::UnknownCommit {
            commit: target.to_string(),
            repository: history.path(),
        });
    }
    let contained = history.walk(target, &HashSet::new(), Some(live))?;
    if contained.commits.contains(&live) {
        return Ok(Missing::Nothing);
    }
    // What lies behind the end of a shallow clone could be the live commit.
    if !contained.is_complete {
        return Err(AncestryError::Incomplete {
            repository: history.path(),
            shallow: history.repository.is_shallow().unwrap_or(false),
        });
    }
    let mut missing = history.walk(live, &contained.commits, None)?.commits;
    missing.insert(live);
    Ok(Missing::Commits(missing))
}

struct History {
    repository: gix::Repository,
    /// Commits whose parents the clone does not have.
    ends: HashSet<ObjectId>,
}

/// The commits that a walk came to.
struct Walked {
    commits: HashSet<ObjectId>,
    /// Whether every parent was there.
    is_complete: bool,
}

impl History {
    /// Opens the repository at or above `directory` with no configuration but its own.
    fn open(directory: &Path) -> Result<Self, AncestryError> {
        let found = directory.canonicalize().ok();
        let Some(top) = found.as_deref().and_then(discover_git) else {
            return Err(AncestryError::NoCheckout {
                directory: directory.to_owned(),
            });
        };
        require_own_git(top)?;
        require_files_of_git(top)?;
        let failed = |source| AncestryError::Git {
            repository: top.to_owned(),
            source,
        };
        let mut repository = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .config_overrides(["core.useReplaceRefs=false"])
            .open(top)
            .map_err(failed)?
            .to_thread_local();
        repository.object_cache_size(4 * 1024 * 1024);
        let ends = repository.shallow_commits().map_err(failed)?;
        let ends = ends.map(|ends| ends.iter().copied().collect());
        Ok(Self {
            repository,
            ends: ends.unwrap_or_default(),
        })
    }

    /// Walks from `from` to the roots, to `known` commits, or until `wanted` is found.
    fn walk(
        &self,
        from: ObjectId,
        known: &HashSet<ObjectId>,
        wanted: Option<ObjectId>,
    ) -> Result<Walked, AncestryError> {
        let mut commits = HashSet::new();
        let mut is_complete = true;
        let mut next = std::collections::VecDeque::from([from]);
        while let Some(id) = next.pop_front() {
            if known.contains(&id) || !commits.insert(id) {
                continue;
            }
            if wanted == Some(id) {
                break;
            }
            let Some(object) = self
                .repository
                .try_find_object(id)
                .map_err(|error| self.failed(error))?
            else {
                commits.remove(&id);
                is_complete = false;
                continue;
            };
            if self.ends.contains(&id) {
                is_complete = false;
                continue;
            }
            let commit = object
                .try_into_commit()
                .map_err(|error| self.failed(error))?;
            next.extend(commit.parent_ids().map(gix::Id::detach));
        }
        Ok(Walked {
            commits,
            is_complete,
        })
    }

    fn failed(&self, source: impl Into<gix::Error>) -> AncestryError {
        AncestryError::Git {
            repository: self.path(),
            source: source.into(),
        }
    }

    /// The directory that a person knows it by.
    fn path(&self) -> std::path::PathBuf {
        let work_tree = self.repository.workdir();
        work_tree.unwrap_or(self.repository.git_dir()).to_owned()
    }
}
