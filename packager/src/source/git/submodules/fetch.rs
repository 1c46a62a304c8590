//! One commit of another repository, fetched by the user's `git` into a private repository.

use std::path::Path;

use crate::source::git::private::{Access, PrivateRepository, REMOTE};
use crate::source::git::program::GitFailure;

/// Options of every fetch: nothing but the objects, and nothing of the machine changes.
const FETCH: [&str; 6] = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-write-fetch-head",
];

/// Fetches `commit` from `url` into a repository below `spool`, which is gone when the returned
/// value is dropped.
pub(in crate::source::git) fn fetch(
    url: &str,
    commit: gix::ObjectId,
    access: &Access,
    spool: &Path,
) -> Result<PrivateRepository, GitFailure> {
    let repository = PrivateRepository::new(url, commit.kind(), access, spool)?;
    let git = repository.git();
    let with = |depth: &[&'static str]| [&FETCH, depth].concat();
    let only_it = git.run(&with(&["--depth=1"]), &[REMOTE, &commit.to_string()]);
    // A server need not give out a commit that no branch points to, nor a part of a history.
    if only_it.is_err() {
        git.run(&with(&[]), &[REMOTE, "+refs/*:refs/fetched/*"])
            .map_err(|failure| repository.without_secrets(failure))?;
    }
    Ok(repository)
}
