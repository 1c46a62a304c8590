//! `TypedText`: what a person types in their editor, in a file that is kept until it has served.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use bulla_schemas::outcome::FailureKind;
use bulla_terminal::Failure;

use super::environment;
use crate::child;

/// The editor where nobody chose one.
const USUAL: &str = "vi";

/// A text that is being typed.
#[derive(Debug)]
pub(super) struct TypedText {
    path: PathBuf,
}

impl TypedText {
    /// Puts a text into a new file, below what is remembered between runs: a temporary directory does
    /// not outlive the next start of the machine.
    pub(super) fn begin(name: &str, text: &str) -> Result<Self, Failure> {
        let directory = match environment::state_directory() {
            Some(state) => state.join("typed"),
            None => std::env::temp_dir(),
        };
        bulla_files::create_directory(&directory)?;
        let failed = |error| {
            Failure::io(
                format_args!("cannot make a file in `{}`", directory.display()),
                error,
            )
        };
        let mut file = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .suffix(".toml")
            .tempfile_in(&directory)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        let (_, path) = file.keep().map_err(|error| failed(error.error))?;
        Ok(Self { path })
    }

    /// Returns the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the text.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        Ok(bulla_files::write(&self.path, text.as_bytes())?)
    }

    /// Opens the file in the person's editor and waits until they leave it.
    pub(super) fn edit(&self) -> Result<(), Failure> {
        let named = ["VISUAL", "EDITOR"]
            .into_iter()
            .find_map(environment::variable);
        let line = named.unwrap_or_else(|| USUAL.to_owned());
        let words = shell_words::split(&line)
            .ok()
            .filter(|words| !words.is_empty());
        let Some([program, arguments @ ..]) = words.as_deref() else {
            return Err(Failure::usage(format_args!(
                "expected the command of an editor in VISUAL or EDITOR, found `{line}`"
            )));
        };
        let status = child::command(program)
            .args(arguments)
            .arg(&self.path)
            .status()
            .map_err(|error| Failure::io(format_args!("cannot run the editor `{line}`"), error));
        let status = status.map_err(|failure| failure.with_hint("name yours in EDITOR"))?;
        if status.success() {
            return Ok(());
        }
        let message = format_args!("the editor `{line}` failed ({status}), and nothing was done");
        Err(Failure::new(FailureKind::Failed, message))
    }

    /// Removes the file, which has served.
    pub(super) fn remove(self) -> Result<(), Failure> {
        bulla_files::remove(&self.path)?;
        Ok(())
    }
}
