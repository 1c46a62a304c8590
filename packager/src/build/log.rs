//! `Log`: what a build said, kept in a file, and its end for a message.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bulla_schemas::ProjectName;
use tempfile::NamedTempFile;

use super::{BuildError, log_of};

/// Most bytes that are kept.
const KEPT: u64 = 64 * 1024 * 1024;
/// How many lines a message shows.
const TAIL: usize = 20;
/// Most characters of such a line.
const LINE: usize = 400;

/// The output of one build. The file of a project's last build replaces the one before.
pub(super) struct Log {
    file: NamedTempFile,
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
        Ok(Self {
            file: NamedTempFile::new_in(directory).map_err(failed)?,
            path: log_of(directory, project),
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
        let size = line.len() as u64 + 1;
        let is_full = self.written >= KEPT;
        self.written += size;
        if is_full {
            return Ok(());
        }
        writeln!(self.file, "{line}")?;
        if self.written >= KEPT {
            writeln!(self.file, "[the build said more, which is not kept]")?;
        }
        Ok(())
    }

    /// Puts the file in its place; returns that, and the last lines.
    pub(super) fn finish(self) -> Result<(PathBuf, String), BuildError> {
        let failed = |path: &Path, source| BuildError::io("cannot write", path, source);
        let lines: Vec<String> = self.tail.into();
        if let Err(error) = self.file.persist(&self.path) {
            return Err(failed(&self.path, error.error));
        }
        Ok((self.path, lines.join("\n")))
    }
}
