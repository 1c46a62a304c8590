//! A commit of a repository elsewhere, and whether a branch or tag contains it.

use std::path::Path;

use super::objects;
use super::private::{Access, PrivateRepository, REMOTE};
use super::program::Git;
use super::submodules::{fetch as fetch_commit, resolve as resolve_url};
use crate::source::address;
use crate::source::discover::discover_git;
use crate::source::reference::is_full_name;
use crate::source::remote::StatedError;

/// The local name of the branch or tag that was asked for.
const REFERENCE: &str = "refs/bulla/reference";

/// Fetches `commit` from `url`, and `reference` if there still is one.
pub(in crate::source) fn fetch(
    url: &str,
    commit: &str,
    reference: &str,
    spool: &Path,
) -> Result<PrivateRepository, StatedError> {
    // Relative URLs are relative to nothing here.
    let url = resolve_url(url, "").map_err(|error| StatedError::Url {
        url: address::without_secrets(url),
        source: Box::new(error),
    })?;
    let failed = |message: String| StatedError::Fetch {
        url: address::without_secrets(&url),
        commit: commit.to_owned(),
        message,
    };
    let id =
        gix::ObjectId::from_hex(commit.as_bytes()).map_err(|error| failed(error.to_string()))?;
    let access = Access::default();
    let repository =
        fetch_commit(&url, id, &access, spool).map_err(|error| failed(error.to_string()))?;
    if is_full_name(reference) {
        let arguments = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
        // Whether it is still there decides nothing: the commit is.
        let operands = [REMOTE, &format!("+{reference}:{REFERENCE}")];
        let _ = repository.git().run(&arguments, &operands);
    }
    Ok(repository)
}

/// Tells whether `reference`, as the repository at `top` has or had it fetched, contains `commit`.
pub(in crate::source) fn contains(top: &Path, reference: &str, commit: &str) -> bool {
    if !is_full_name(reference) {
        return false;
    }
    let Ok(repository) = objects::repository(discover_git(top).unwrap_or(top)) else {
        return false;
    };
    let git = Git::new(repository.git_dir());
    let remote = reference.replacen("refs/heads/", "refs/remotes/origin/", 1);
    [REFERENCE, &remote, reference].iter().any(|name| {
        // Its exit status is the answer.
        git.run(&["merge-base", "--is-ancestor"], &[commit, *name])
            .is_ok()
    })
}
