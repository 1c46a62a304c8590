//! One step: a file that is written or removed, or a program of systemd that is run.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_files::{Draft, Readers};

use super::error::SetupError;
use crate::platform::child::{self, Output, PATH, Program};
use crate::platform::files::{Attempt as _, remove};

/// How long systemd may take. It stops an agent that is in the middle of an activation, which may
/// take as long as its unit says.
const PATIENCE: Duration = Duration::from_mins(20);

/// When a program has to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// In any case: it does nothing where nothing is to be done.
    Always,
    /// Where this is so.
    If(bool),
}

/// Something to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Writes a file.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
        /// Whether there is not the same already.
        is_needed: bool,
    },
    /// Removes a file, and the directory that it alone was in.
    Remove {
        /// Which.
        path: PathBuf,
        /// Whether it is there.
        is_needed: bool,
    },
    /// Runs a program.
    Run {
        /// Where it lies.
        path: PathBuf,
        /// What it is called.
        program: &'static str,
        /// Its arguments.
        arguments: Vec<String>,
        /// Whether it has something to do.
        is_needed: bool,
    },
}

impl Step {
    pub(super) fn write(path: PathBuf, text: String) -> Result<Self, SetupError> {
        let is_needed = bulla_files::read(&path)?.as_deref() != Some(text.as_bytes());
        Ok(Self::Write {
            path,
            text,
            is_needed,
        })
    }

    pub(super) fn remove(path: PathBuf) -> Self {
        let is_needed = path.symlink_metadata().is_ok();
        Self::Remove { path, is_needed }
    }

    pub(super) fn run(
        program: &'static str,
        arguments: &[&str],
        needed: Needed,
    ) -> Result<Self, SetupError> {
        Ok(Self::Run {
            path: find(program)?,
            program,
            arguments: arguments.iter().copied().map(str::to_owned).collect(),
            is_needed: match needed {
                Needed::Always => true,
                Needed::If(is_so) => is_so,
            },
        })
    }

    /// Refuses a file that links would put outside of a directory.
    pub(super) fn require_below(&self, directory: &Path) -> Result<(), SetupError> {
        let Self::Write { path, .. } = self else {
            return Ok(());
        };
        let there = |path: &Path| path.canonicalize().attempt("look at", path);
        // What does not exist yet is made below what does.
        let exists = |above: &&Path| above.symlink_metadata().is_ok();
        let Some(above) = path.ancestors().skip(1).find(exists) else {
            return Ok(());
        };
        let real = there(above)?;
        if !directory.starts_with(above) && !real.starts_with(there(directory)?) {
            return Err(SetupError::Outside {
                path: path.clone(),
                real,
            });
        }
        Ok(())
    }

    /// Tells whether it changes anything.
    pub const fn is_needed(&self) -> bool {
        match self {
            Self::Write { is_needed, .. }
            | Self::Remove { is_needed, .. }
            | Self::Run { is_needed, .. } => *is_needed,
        }
    }

    /// Does it.
    pub fn take(&self) -> Result<(), SetupError> {
        match self {
            Self::Write { path, text, .. } => write(path, text),
            Self::Remove { path, .. } => {
                remove(path)?;
                // Only a drop-in has a directory of its own.
                if let Some(directory) = path.parent()
                    && directory.extension().is_some_and(|end| end == "d")
                    && directory.ends_with("bulla-agent.service.d")
                {
                    let _ = std::fs::remove_dir(directory);
                }
                Ok(())
            }
            Self::Run {
                path, arguments, ..
            } => self.run_program(path, arguments),
        }
    }

    fn run_program(&self, path: &Path, arguments: &[String]) -> Result<(), SetupError> {
        let environment = BTreeMap::from([
            ("PATH".to_owned(), PATH.to_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ]);
        let mut output = Output::default();
        let program = Program {
            path,
            arguments,
            directory: Path::new("/"),
            environment: Some(&environment),
            user: None,
            timeout: PATIENCE,
        };
        let ended = child::run(&program, &mut output).map_err(|source| SetupError::NotRun {
            command: self.command(),
            source,
        })?;
        if ended.is_success() {
            return Ok(());
        }
        Err(SetupError::Ended {
            command: self.command(),
            how: ended.to_string(),
            output: output.text(),
        })
    }

    fn command(&self) -> String {
        match self {
            Self::Run {
                program, arguments, ..
            } => format!("{program} {}", arguments.join(" ")),
            Self::Write { .. } | Self::Remove { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, .. } => write!(formatter, "write `{}`", path.display()),
            Self::Remove { path, .. } => write!(formatter, "remove `{}`", path.display()),
            Self::Run { .. } => write!(formatter, "run `{}`", self.command()),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), SetupError> {
    if let Some(directory) = path.parent() {
        bulla_files::create_directory(directory)?;
    }
    let mut draft = Draft::begin(path, Readers::Umask)?;
    let written = draft.file().write_all(text.as_bytes());
    written.attempt("write", path)?;
    Ok(draft.put()?)
}

/// Finds a program of systemd.
pub(super) fn find(program: &'static str) -> Result<PathBuf, SetupError> {
    child::find(program).ok_or(SetupError::NoSystemd { program })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_that_leads_out_of_a_package_is_refused_and_one_within_it_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let package = directory.path().join("package");
        let unit = package.join("lib/systemd/system/a.service");
        let check = || {
            Step::write(unit.clone(), String::new()).and_then(|step| step.require_below(&package))
        };
        check().unwrap();
        fs::create_dir_all(package.join("usr/lib")).unwrap();
        check().unwrap();
        symlink("usr/lib", package.join("lib")).unwrap();
        check().unwrap();
        fs::remove_file(package.join("lib")).unwrap();
        for outside in [directory.path(), Path::new("/usr/lib")] {
            symlink(outside, package.join("lib")).unwrap();
            let error = check().unwrap_err();
            assert!(matches!(error, SetupError::Outside { .. }), "{error}");
            fs::remove_file(package.join("lib")).unwrap();
        }
    }
}
