//! `Workspace`: the private directory of one build on this machine.
//!
//! ```text
//! SPOOL/bulla-build-XXXXXX/   only this user can enter
//!   build/                    the export, in which the command runs; `/build` in a sandbox
//!   home/  tmp/               empty at first
//!   etc/                      the list of users that a sandbox shows
//!   root/                     where a sandbox is put together
//!   *.json                    the stages on the way into it
//! ```

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::BuildError;
use super::outputs::make_accessible;
use super::stage::Stage;
use super::surroundings::Surroundings;

/// The directory of one build, gone when it is dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    directory: TempDir,
}

impl Workspace {
    pub(super) fn new(spool: &Path) -> Result<Self, BuildError> {
        let failed = |source| BuildError::io("cannot make a directory in", spool, source);
        let directory = tempfile::Builder::new()
            .prefix("bulla-build-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(spool.canonicalize().map_err(failed)?)
            .map_err(failed)?;
        let workspace = Self { directory };
        for (directory, mode) in [
            (workspace.build(), 0o755),
            (workspace.home(), 0o700),
            (workspace.temporary(), 0o1777),
            (workspace.path("etc"), 0o755),
            (workspace.root(), 0o755),
        ] {
            fs::create_dir(&directory)
                .and_then(|()| fs::set_permissions(&directory, fs::Permissions::from_mode(mode)))
                .map_err(|source| BuildError::io("cannot make", &directory, source))?;
        }
        Ok(workspace)
    }

    /// The directory that the command runs in.
    pub(super) fn build(&self) -> PathBuf {
        self.path("build")
    }

    /// The user's home directory.
    pub(super) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The directory for temporary files.
    pub(super) fn temporary(&self) -> PathBuf {
        self.path("tmp")
    }

    /// An empty directory.
    pub(super) fn root(&self) -> PathBuf {
        self.path("root")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes what a stage has to do.
    pub(super) fn write_stage(&self, name: &str, stage: &Stage) -> Result<PathBuf, BuildError> {
        let path = self.path(name);
        let text = serde_json::to_vec(stage)
            .map_err(|error| BuildError::io("cannot write", &path, error.into()))?;
        write(&path, &text)?;
        Ok(path)
    }

    /// Writes the files of `/etc` that say who the user is and what the machine is called.
    pub(super) fn write_etc(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Vec<(&'static str, PathBuf)>, BuildError> {
        let Surroundings {
            user,
            uid,
            home,
            hostname,
            ..
        } = surroundings;
        let files = [
            (
                "passwd",
                format!("root:x:0:0:root:/:/bin/false\n{user}:x:{uid}:{uid}::{home}:/bin/sh\n"),
            ),
            ("group", format!("root:x:0:\n{user}:x:{uid}:\n")),
            (
                "hosts",
                format!("127.0.0.1 localhost {hostname}\n::1 localhost {hostname}\n"),
            ),
            (
                "nsswitch.conf",
                "passwd: files\ngroup: files\nhosts: files dns\n".to_owned(),
            ),
        ];
        files
            .into_iter()
            .map(|(name, text)| {
                let path = self.path("etc").join(name);
                write(&path, text.as_bytes())?;
                Ok((name, path))
            })
            .collect()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What a build made unwritable could not be removed.
        let _ = make_accessible(self.directory.path());
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    fs::write(path, bytes).map_err(|source| BuildError::io("cannot write", path, source))
}
