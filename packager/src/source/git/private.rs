//! A bare repository of our own, for what only `git` and `git-lfs` can fetch. Its configuration is
//! written here and the user's counts; nothing that a checkout configures does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gix::bstr::{BString, ByteSlice};
use gix::config::{File, Source};
use tempfile::TempDir;

use super::program::{Git, GitFailure};
use crate::source::address;

/// The name of its only remote.
pub(super) const REMOTE: &str = "origin";

/// A private repository, gone when it is dropped.
pub(in crate::source) struct PrivateRepository {
    pub(in crate::source) directory: TempDir,
    url: String,
}

/// What the checkout at hand knows about the way to a remote, as values and no programs.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// `http.URL.extraHeader`: by it, CI services give a job its right to read.
    pub(super) headers: Vec<(BString, BString)>,
    /// Where Git LFS asks, when that is not the remote itself.
    pub(super) lfs_url: Option<String>,
    /// Where Git LFS puts what it fetches.
    pub(super) lfs_store: Option<PathBuf>,
}

impl PrivateRepository {
    /// Makes one below `spool` that fetches from `url`, which must have been checked. The URL may
    /// have a secret in it, so it is written into a file and never given as an argument.
    pub(super) fn new(
        url: &str,
        ids: gix::hash::Kind,
        access: &Access,
        spool: &Path,
    ) -> Result<Self, GitFailure> {
        let directory = tempfile::Builder::new()
            .prefix("bulla-git-")
            .tempdir_in(spool)
            .map_err(GitFailure::Prepare)?;
        Git::new(directory.path()).run(
            &[
                "-c",
                "init.defaultRefFormat=files",
                "init",
                "--quiet",
                "--bare",
                "--template=",
                &format!("--object-format={ids}"),
            ],
            &[directory.path()],
        )?;
        let failed = |error: gix::Error| GitFailure::Said(error.to_string());
        let path = directory.path().join("config");
        let mut config =
            File::from_path_no_includes(path.clone(), Source::Local).map_err(failed)?;
        let has_ssh = Git::new(directory.path()).has_ssh_of_its_own();
        let mut set = |section: &str, name: Option<&[u8]>, key: &str, value: &[u8]| {
            let name = name.map(ByteSlice::as_bstr);
            config
                .set_raw_value_by(section, name, key, value.as_bstr())
                .map(drop)
                .map_err(failed)
        };
        set("remote", Some(REMOTE.as_bytes()), "url", url.as_bytes())?;
        // As in `Git::command`, for `git-lfs` and what it starts.
        set("core", None, "hooksPath", b"/dev/null")?;
        set("core", None, "fsmonitor", b"false")?;
        set("protocol", Some(b"ext"), "allow", b"never")?;
        set("credential", None, "interactive", b"false")?;
        if !has_ssh {
            set(
                "core",
                None,
                "sshCommand",
                super::program::BATCH_SSH.as_bytes(),
            )?;
        }
        for (of, header) in &access.headers {
            set("http", Some(of), "extraHeader", header)?;
        }
        if let Some(url) = &access.lfs_url {
            set("lfs", None, "url", url.as_bytes())?;
        }
        fs::write(&path, config.to_bstring()).map_err(GitFailure::Prepare)?;
        if let Some(store) = &access.lfs_store {
            // `lfs.storage` would also count for a repository on this machine that is fetched from.
            fs::create_dir_all(store)
                .and_then(|()| store.canonicalize())
                .and_then(|store| link(&store, &directory.path().join("lfs")))
                .map_err(GitFailure::Prepare)?;
        }
        Ok(Self {
            directory,
            url: url.to_owned(),
        })
    }

    /// Returns `git` for it.
    pub(super) fn git(&self) -> Git {
        Git::new(self.directory.path())
    }

    /// Takes what could be secret out of what a program said.
    pub(super) fn without_secrets(&self, failure: GitFailure) -> GitFailure {
        match failure {
            GitFailure::Said(text) => {
                GitFailure::Said(text.replace(&self.url, &address::without_secrets(&self.url)))
            }
            other => other,
        }
    }
}

impl Access {
    /// Reads the rights to read over HTTP that the configuration of a checkout gives, each for one
    /// URL.
    pub(super) fn of(repository: &gix::Repository) -> Self {
        let configuration = repository.config_snapshot();
        let sections = configuration.plumbing().sections_by_name("http");
        let headers = sections.into_iter().flatten().flat_map(|section| {
            let of = section.header().subsection_name().map(ToOwned::to_owned);
            let values = section.values("extraHeader");
            of.into_iter().flat_map(move |of| {
                values
                    .clone()
                    .into_iter()
                    .map(move |value| (of.clone(), value))
            })
        });
        Self {
            headers: headers.collect(),
            ..Self::default()
        }
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(windows)]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(to, at)
}
