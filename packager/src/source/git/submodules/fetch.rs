//! One commit of another repository, fetched by the user's `git` into a private directory.

use std::path::Path;

use tempfile::TempDir;

use crate::source::git::program::{Git, GitFailure};

/// Options of every fetch: nothing but the objects, and nothing of the machine changes.
const FETCH: [&str; 6] = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-write-fetch-head",
];

/// Fetches `commit` from `url` into a bare repository below `spool`, which is gone when the
/// returned value is dropped.
pub(in crate::source::git) fn fetch(
    url: &str,
    commit: gix::ObjectId,
    spool: &Path,
) -> Result<TempDir, GitFailure> {
    let directory = tempfile::Builder::new()
        .prefix("bulla-submodule-")
        .tempdir_in(spool)
        .map_err(GitFailure::Start)?;
    let git = Git::new(directory.path());
    let format = format!("--object-format={}", commit.kind());
    git.run(
        &[
            "-c",
            "init.defaultRefFormat=files",
            "init",
            "--quiet",
            "--bare",
            "--template=",
            &format,
        ],
        &[directory.path()],
    )?;
    // What Git LFS fetches from, and where relative URLs begin.
    git.run(&["config"], &["remote.origin.url", url])?;
    let ssh = git.ssh_settings();
    let with = |depth: &[&'static str]| [&ssh[..], &FETCH, depth].concat();
    let only_it = git.run(&with(&["--depth=1"]), &[url, &commit.to_string()]);
    // A server need not give out a commit that no branch points to, nor a part of a history.
    if only_it.is_err() {
        git.run(&with(&[]), &[url, "+refs/*:refs/fetched/*"])?;
    }
    Ok(directory)
}
