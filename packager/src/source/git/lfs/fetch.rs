//! `git-lfs` fetches what pointers stand for, from a private repository in which a commit has these
//! pointers and nothing else. So no filter, transfer agent or extension that a checkout configures
//! is known to it; only where to ask is taken over, when git itself has that transport.

use std::path::Path;

use bulla_schemas::Digest;
use gix::bstr::ByteSlice as _;
use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Kind, Tree, Write as _};

use super::Pointer;
use crate::source::address;
use crate::source::git::names;
use crate::source::git::private::{Access, PrivateRepository, REMOTE};
use crate::source::git::program::GitFailure;
use crate::source::git::submodules::resolve;

/// Most bytes of `.lfsconfig` that are read.
const MAX_LEN: u64 = 64 * 1024;

/// Where Git LFS of a checkout is asked.
struct Server {
    /// The remote, which `git-lfs` derives its own address from.
    remote: String,
    /// That address, where it is configured.
    lfs: Option<String>,
}

/// Fetches the content of `pointers` of `commit` into `store`.
pub(super) fn fetch<'a>(
    repository: &gix::Repository,
    commit: gix::ObjectId,
    pointers: impl Iterator<Item = &'a Pointer>,
    store: &Path,
    spool: &Path,
) -> Result<(), GitFailure> {
    let server = Server::of(repository, commit)?;
    let access = Access {
        lfs_url: server.lfs,
        lfs_store: Some(store.to_owned()),
        ..Access::of(repository)
    };
    let private = PrivateRepository::new(&server.remote, repository.object_hash(), &access, spool)?;
    let commit = commit_of(pointers, private.directory.path())
        .map_err(|error| GitFailure::Said(error.to_string()))?;
    let arguments = [
        "fetch",
        "--include=",
        "--exclude=",
        REMOTE,
        &commit.to_string(),
    ];
    private
        .git()
        .lfs(&arguments)
        .map(drop)
        .map_err(|failure| private.without_secrets(failure))
}

impl Server {
    /// Reads what the checkout's configuration says, and else the commit's `.lfsconfig`.
    fn of(repository: &gix::Repository, commit: gix::ObjectId) -> Result<Self, GitFailure> {
        let refused = |error: crate::source::SubmoduleUrlError| GitFailure::Said(error.to_string());
        let name = repository
            .remote_default_name(gix::remote::Direction::Fetch)
            .ok_or_else(|| GitFailure::Said("the repository has no remote".to_owned()))?;
        let url = names::remote_url(repository, name.as_bstr()).unwrap_or_default();
        let base = repository.workdir().unwrap_or(repository.git_dir());
        let remote = resolve(&absolute(&url.to_str_lossy(), base), "").map_err(refused)?;
        let of_remote = format!("remote.{name}.lfsurl");
        let configured = |file: &gix::config::File| {
            let value = file.string("lfs.url");
            value.or_else(|| file.string(of_remote.as_str()))
        };
        let lfs = match configured(repository.config_snapshot().plumbing()) {
            Some(url) => Some(resolve(&absolute(&url.to_str_lossy(), base), "").map_err(refused)?),
            None => match committed(repository, commit).as_ref().and_then(configured) {
                Some(url) => {
                    let url = resolve(&absolute(&url.to_str_lossy(), base), "").map_err(refused)?;
                    // What a commit says can choose a server and no place on this machine.
                    if is_local(&url) {
                        let message = "`.lfsconfig` names a place on this machine";
                        return Err(GitFailure::Said(format!("{message}: {url:?}")));
                    }
                    Some(url)
                }
                None => None,
            },
        };
        Ok(Self { remote, lfs })
    }
}

/// Reads the commit's `.lfsconfig`; what cannot be read says nothing.
fn committed(repository: &gix::Repository, commit: gix::ObjectId) -> Option<gix::config::File> {
    let tree = repository.find_commit(commit).ok()?.tree().ok()?;
    let entry = tree.lookup_entry_by_path(".lfsconfig").ok()??;
    if !entry.mode().is_blob() || repository.find_header(entry.id()).ok()?.size() > MAX_LEN {
        return None;
    }
    let text = entry.object().ok()?.detach().data;
    gix::config::File::try_from(text.to_str().ok()?).ok()
}

fn is_local(url: &str) -> bool {
    gix::url::parse(url).is_ok_and(|url| url.scheme == gix::url::Scheme::File)
}

/// Takes a relative path from `base`; a URL stays as it is.
fn absolute(url: &str, base: &Path) -> String {
    if url.starts_with('-') || address::public(url).is_some() {
        return url.to_owned();
    }
    base.join(url).display().to_string()
}

/// Writes a commit that has the pointers, in the form that every `git-lfs` reads.
fn commit_of<'a>(
    pointers: impl Iterator<Item = &'a Pointer>,
    directory: &Path,
) -> Result<gix::ObjectId, Box<dyn std::error::Error + Send + Sync>> {
    let repository = gix::open_opts(directory, gix::open::Options::isolated())?;
    let mut entries = vec![Entry {
        mode: EntryKind::Blob.into(),
        filename: ".gitattributes".into(),
        oid: repository.write_blob("* filter=lfs\n")?.detach(),
    }];
    for (number, pointer) in pointers.enumerate() {
        entries.push(Entry {
            mode: EntryKind::Blob.into(),
            filename: format!("{number:010}").into(),
            oid: repository
                .write_blob(text(pointer.sha256, pointer.size))?
                .detach(),
        });
    }
    let tree = repository.write_object(Tree { entries })?;
    let commit = format!(
        "tree {tree}\nauthor Bulla <> 0 +0000\ncommitter Bulla <> 0 +0000\n\nWhat is missing\n"
    );
    Ok(repository
        .objects
        .write_buf(Kind::Commit, commit.as_bytes())?)
}

fn text(sha256: Digest, size: u64) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid {sha256}\nsize {size}\n")
}
