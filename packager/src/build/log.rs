//! `Log`: what a build said, kept in a file, and its end for a message.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bulla_schemas::ProjectName;

use super::error::BuildError;
use super::options::log_of;

/// Most bytes that are kept.
const KEPT: u64 = 64 * 1024 * 1024;
/// How many lines a message shows.
const TAIL: usize = 20;
/// Most characters of such a line.
const LINE: usize = 400;

/// The output of one build. The file replaces that of the project's build before, and stays when
/// this one is interrupted.
pub(super) struct Log {
    file: File,
    path: PathBuf,
    written: u64,
    tail: VecDeque<String>,
}

impl Log {
    /// Begins a file in `directory`, named after the project.
    pub(super) fn begin(directory: &Path, project: &ProjectName) -> Result<Self, BuildError> {
        let failed =
            |source| BuildError::io("cannot keep the output of the build in", directory, source);
        fs::create_dir_all(directory).map_err(failed)?;
        let path = log_of(directory, project);
        Ok(Self {
            file: replace(&path).map_err(failed)?,
            path,
            written: 0,
            tail: VecDeque::new(),
        })
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.chars().take(LINE).collect());
        if self.written >= KEPT {
            return Ok(());
        }
        self.written += line.len() as u64 + 1;
        let end = if self.written >= KEPT {
            "[the build said more, which is not kept]\n"
        } else {
            ""
        };
        let written = write!(self.file, "{line}\n{end}");
        // The disk may be full; then it matters which.
        written.map_err(|error| {
            let what = format!("cannot write `{}`: {error}", self.path.display());
            io::Error::new(error.kind(), what)
        })
    }

    /// Returns the file and the last lines.
    pub(super) fn finish(self) -> (PathBuf, String) {
        let lines: Vec<String> = self.tail.into();
        (self.path, lines.join("\n"))
    }
}

/// Makes a new file in the place of another. Two builds at once write to two files, of which one
/// keeps the name.
fn replace(path: &Path) -> io::Result<File> {
    const ATTEMPTS: usize = 10;
    let mut attempts = 0;
    loop {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        match options.write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts < ATTEMPTS => {
                attempts += 1;
            }
            opened => return opened,
        }
    }
}
