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
//!
//! A process of its own, the sweeper, removes it: also when this one is killed.

use std::fs::{self, DirBuilder};
use std::io::{self, PipeWriter};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::BuildError;
use super::stage::{self, Stage};
use super::surroundings::Surroundings;

/// The directory of one build, gone when it is dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    directory: PathBuf,
    sweeper: Sweeper,
}

impl Workspace {
    /// Makes the directory in `spool`; `program` is this program's path.
    pub(super) fn new(spool: &Path, program: &Path) -> Result<Self, BuildError> {
        let failed = |source| BuildError::io("cannot make a directory in", spool, source);
        let directory = tempfile::Builder::new()
            .prefix("bulla-build-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(spool.canonicalize().map_err(failed)?)
            .map_err(failed)?;
        let sweeper = Sweeper::start(directory.path(), program)?;
        let workspace = Self {
            directory: directory.keep(),
            sweeper,
        };
        for (directory, mode) in [
            (workspace.build(), 0o755),
            (workspace.home(), 0o700),
            (workspace.temporary(), 0o1777),
            (workspace.path("etc"), 0o755),
            (workspace.root(), 0o755),
        ] {
            DirBuilder::new()
                .mode(0o700)
                .create(&directory)
                .and_then(|()| fs::set_permissions(&directory, fs::Permissions::from_mode(mode)))
                .map_err(|source| BuildError::io("cannot make", &directory, source))?;
        }
        Ok(workspace)
    }

    /// Returns what runs the guard that `stage` describes. The directory stays at least as long as
    /// the guard does.
    pub(super) fn guarded(&self, program: &Path, stage: &Path) -> Result<Command, BuildError> {
        let lifeline = self.sweeper.lifeline.as_ref().map(PipeWriter::try_clone);
        let mut command = Command::new(program);
        command
            .args(["enter".as_ref(), stage.as_os_str()])
            .env_clear();
        if let Some(lifeline) = lifeline {
            let failed = |source| BuildError::io("cannot run", program, source);
            command.stdout(lifeline.map_err(failed)?);
        }
        Ok(command)
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
        self.directory.join(name)
    }

    /// Writes what a stage has to do.
    pub(super) fn write_stage(&self, name: &str, stage: &Stage) -> Result<PathBuf, BuildError> {
        let path = self.path(name);
        write_stage(&path, stage)?;
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
        if !self.sweeper.finish() {
            // It was ended; no other process removes the directory then.
            let _ = stage::remove(&self.directory);
        }
    }
}

/// A process that removes a directory as soon as its lifeline is no longer held.
#[derive(Debug)]
struct Sweeper {
    process: Child,
    /// The end of a pipe that says, by being closed, that the directory is not needed.
    lifeline: Option<PipeWriter>,
}

impl Sweeper {
    fn start(directory: &Path, program: &Path) -> Result<Self, BuildError> {
        let stage = Stage::Sweep {
            directory: directory.to_owned(),
        };
        let file = directory.join("sweep.json");
        write_stage(&file, &stage)?;
        let start = || {
            let (reader, lifeline) = io::pipe()?;
            let process = Command::new(program)
                .args(["enter".as_ref(), file.as_os_str()])
                .env_clear()
                // A key that is pressed in the terminal ends this process' group only.
                .process_group(0)
                .current_dir("/")
                .stdin(reader)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            Ok(Self {
                process,
                lifeline: Some(lifeline),
            })
        };
        start().map_err(|source| BuildError::io("cannot run", program, source))
    }

    /// Waits until the directory is gone; tells whether it is.
    fn finish(&mut self) -> bool {
        drop(self.lifeline.take());
        self.process.wait().is_ok_and(|status| status.success())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    fs::write(path, bytes).map_err(|source| BuildError::io("cannot write", path, source))
}

fn write_stage(path: &Path, stage: &Stage) -> Result<(), BuildError> {
    let text = serde_json::to_vec(stage)
        .map_err(|error| BuildError::io("cannot write", path, error.into()))?;
    write(path, &text)
}
