//! Submodules: commits of other repositories, mounted in a tree.
//!
//! The recorded commit is looked for where git keeps it (`modules/NAME` below the git directory,
//! or a repository in the work tree), and else fetched from the URL in `.gitmodules`. What
//! `.gitmodules` says is from the repository and may be hostile: it can choose a URL that git's own
//! transports understand, and nothing else.

mod changes;
mod checked_out;
mod declared;
mod fetch;
mod url;

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;

use super::names;
use super::objects::Objects;
use super::private::{Access, PrivateRepository};
use crate::source::git::error::GitContentError;
use crate::source::{SourceError, address};
pub(super) use changes::changes;
pub(super) use checked_out::checked_out;
pub(super) use fetch::fetch;
pub use url::SubmoduleUrlError;
pub(super) use url::resolve;

/// The file that names the submodules of a commit.
pub(super) const FILE: &[u8] = b".gitmodules";

/// Most bytes in it.
pub(super) const MAX_LEN: u64 = 16 * 1024 * 1024;

/// The repository that a submodule is mounted in.
pub(super) struct Parent<'a> {
    pub(super) repository: &'a gix::Repository,
    /// Its URL, or its place on this machine; relative URLs begin there.
    pub(super) url: &'a str,
    /// Its work tree, if it has one.
    pub(super) work_tree: Option<&'a Path>,
    /// The content of `.gitmodules`.
    pub(super) gitmodules: Option<&'a [u8]>,
    /// The directory for temporary files.
    pub(super) spool: &'a Path,
}

/// A repository that has the recorded commit of a submodule.
pub(super) struct Submodule {
    pub(super) objects: Objects,
    /// Where it was found, for messages.
    pub(super) top: PathBuf,
    /// Its work tree, if the submodule is checked out.
    pub(super) work_tree: Option<PathBuf>,
    /// Where submodules of its own with a relative URL begin.
    pub(super) url: String,
    /// The directory that it was fetched into.
    pub(super) fetched: Option<PrivateRepository>,
}

impl Parent<'_> {
    /// Finds the repository of the submodule at `path`, fetching `commit` when it must.
    ///
    /// `shown` is the path from the top of the checkout, for messages.
    pub(super) fn submodule(
        &self,
        path: &[u8],
        shown: &str,
        commit: gix::ObjectId,
    ) -> Result<Submodule, SourceError> {
        let misplaced = |what, value: &[u8]| GitContentError::Misplaced {
            path: shown.to_owned(),
            what,
            value: String::from_utf8_lossy(value).into_owned(),
        };
        if !declared::stays_inside(path) {
            return Err(misplaced("path", path).into());
        }
        let configuration = self.repository.config_snapshot();
        let declared = self
            .gitmodules
            .map(|gitmodules| declared::find(gitmodules, path, configuration.plumbing()))
            .transpose()
            .map_err(|source| GitContentError::unreadable(".gitmodules", source))?
            .flatten()
            .ok_or_else(|| GitContentError::Undeclared {
                path: shown.to_owned(),
            })?;
        if !declared::stays_inside(declared.name.as_bytes()) {
            return Err(misplaced("name", declared.name.as_bytes()).into());
        }
        let work_tree = self.checked_out(path);
        let url = url::resolve(&declared.url, self.url);
        if let Some((objects, top)) = self.here(&declared.name, work_tree.as_deref(), commit) {
            let own = own_url(&objects.repository(), &top);
            return Ok(Submodule {
                objects,
                top,
                work_tree,
                url: own,
                fetched: None,
            });
        }
        let url = url.map_err(|source| GitContentError::SubmoduleUrl {
            path: shown.to_owned(),
            source,
        })?;
        let unavailable = |said: String| GitContentError::SubmoduleUnavailable {
            path: shown.to_owned(),
            commit: commit.to_string(),
            url: address::without_secrets(&url),
            said,
        };
        let access = Access::of(self.repository);
        let fetched = fetch::fetch(&url, commit, &access, self.spool)
            .map_err(|failure| unavailable(failure.to_string()))?;
        let objects = Objects::open(fetched.directory.path(), self.spool)?;
        if objects.repository().find_commit(commit).is_err() {
            return Err(unavailable("the repository has no such commit".to_owned()).into());
        }
        Ok(Submodule {
            top: fetched.directory.path().to_owned(),
            objects,
            work_tree,
            url,
            fetched: Some(fetched),
        })
    }

    /// Returns the work tree of the submodule at `path` if it is checked out.
    fn checked_out(&self, path: &[u8]) -> Option<PathBuf> {
        checked_out(self.work_tree?, path)
    }

    /// Looks where git keeps the objects of a submodule.
    fn here(
        &self,
        name: &str,
        work_tree: Option<&Path>,
        commit: gix::ObjectId,
    ) -> Option<(Objects, PathBuf)> {
        let kept = |directory: &Path| directory.join("modules").join(name);
        let places = [
            Some(kept(self.repository.git_dir())),
            Some(kept(self.repository.common_dir())),
            work_tree.map(Path::to_owned),
        ];
        places.into_iter().flatten().find_map(|place| {
            let objects = place
                .exists()
                .then(|| Objects::open(&place, self.spool).ok())??;
            let has_it = objects.repository().find_commit(commit).is_ok();
            has_it.then_some((objects, place))
        })
    }
}

/// Returns the URL from which relative ones begin: that of the remote of the branch, of the only
/// remote, or of `origin`; else the repository's own place, as git has it.
pub(super) fn own_url(repository: &gix::Repository, top: &Path) -> String {
    let direction = gix::remote::Direction::Fetch;
    let of_branch = repository.head_name().ok().flatten().and_then(|head| {
        let remote = repository.branch_remote_name(head.shorten(), direction)?;
        Some(remote.as_bstr().to_owned())
    });
    [of_branch, repository.remote_default_name(direction)]
        .into_iter()
        .flatten()
        .find_map(|name| names::remote_url(repository, name.as_bstr()))
        .map_or_else(|| top.display().to_string(), |url| url.to_string())
}
