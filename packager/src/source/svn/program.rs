//! The `svn` program as a child process: its arguments, its environment and its failures.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::error::{SvnError, SvnFailure};
use super::xml::Info;
use crate::child;
use crate::source::SourceError;

/// Runs `svn` for one checkout.
pub(super) struct Svn {
    /// The checkout as the user named it, for messages.
    pub(super) repository: String,
    /// The directory for temporary files.
    pub(super) spool: PathBuf,
}

impl Svn {
    pub(super) fn new(repository: &str, spool: &Path) -> Self {
        Self {
            repository: repository.to_owned(),
            spool: spool.to_owned(),
        }
    }

    /// Runs `svn` and returns its standard output. `operands` cannot be taken for options.
    ///
    /// The locale is fixed, since `svn` writes names in it and cannot write those that it lacks.
    pub(super) fn run<Operand: AsRef<OsStr>>(
        &self,
        arguments: &[&str],
        operands: &[Operand],
    ) -> Result<Vec<u8>, SourceError> {
        let output = child::command("svn")
            .args(arguments)
            .args(["--non-interactive", "--"])
            .args(operands)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("LANGUAGE")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => SvnError::NotInstalled {
                    repository: self.repository.clone(),
                }
                .into(),
                _ => SourceError::io("cannot run", Path::new("svn"), source),
            })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = String::from_utf8_lossy(&output.stderr);
        Err(SvnError::Command {
            command: arguments[0].to_owned(),
            repository: self.repository.clone(),
            failure: SvnFailure::of(&message),
            message: said(&message),
        }
        .into())
    }

    /// Asks about one directory, at a revision when one is given.
    pub(super) fn info(&self, target: &str, revision: Option<&str>) -> Result<Info, SourceError> {
        let info = self.describe(target, revision)?;
        if info.kind == "dir" {
            Ok(info)
        } else {
            Err(SourceError::NotDirectory {
                repository: self.repository.clone(),
            })
        }
    }

    /// Asks about one directory or file.
    pub(super) fn describe(
        &self,
        target: &str,
        revision: Option<&str>,
    ) -> Result<Info, SourceError> {
        let mut arguments = vec!["info", "--xml"];
        if let Some(revision) = revision {
            arguments.extend(["-r", revision]);
        }
        Info::parse(&self.run(&arguments, &[target])?)
            .map_err(|source| self.unreadable("info", source).into())
    }

    pub(super) fn unreadable(&self, command: &str, source: quick_xml::DeError) -> SvnError {
        SvnError::Xml {
            command: command.to_owned(),
            repository: self.repository.clone(),
            source,
        }
    }
}

/// The longest line that is shown whole; names in it may be longer than any disk holds.
const LONGEST_LINE: usize = 400;

/// Cuts `svn: ` off each line and joins them.
fn said(message: &str) -> String {
    let lines: Vec<String> = message
        .lines()
        .map(|line| line.strip_prefix("svn: ").unwrap_or(line).trim())
        // A warning with a code (`W170000: ...`) names the target; others speak of the locale.
        .filter_map(|line| match line.strip_prefix("warning: ") {
            Some(warning) => warning.starts_with('W').then_some(warning),
            None => (!line.is_empty()).then_some(line),
        })
        .map(shortened)
        .collect();
    lines.join("\n")
}

/// Keeps the beginning and the end of a long line.
fn shortened(line: &str) -> String {
    let count = line.chars().count();
    if count <= LONGEST_LINE {
        return line.to_owned();
    }
    let kept = LONGEST_LINE / 2;
    let beginning: String = line.chars().take(kept).collect();
    let end: String = line.chars().skip(count - kept).collect();
    format!("{beginning}...{end}")
}

/// Writes a path as an operand: without the `@` at its end, one inside would begin a revision.
pub(super) fn path_operand(path: &Path) -> Result<String, SourceError> {
    match path.to_str() {
        Some(text) => Ok(format!("{text}@")),
        None => Err(SourceError::io(
            "cannot use as a working copy",
            path,
            io::Error::new(io::ErrorKind::InvalidFilename, "the path is not UTF-8"),
        )),
    }
}

/// Checks that `text` names one revision in Subversion's way: a number (`r` optional), a word or
/// a date in braces.
pub(super) fn revision(text: &str, repository: &str) -> Result<String, SvnError> {
    let number = text.strip_prefix('r').unwrap_or(text);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = ["HEAD", "BASE", "COMMITTED", "PREV"].contains(&text.to_uppercase().as_str());
    let is_date = text.len() > 2
        && text.starts_with('{')
        && text.find('}') == Some(text.len() - 1)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if is_number {
        Ok(number.to_owned())
    } else if is_word || is_date {
        Ok(text.to_owned())
    } else {
        Err(SvnError::NotRevision {
            revision: text.to_owned(),
            repository: repository.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_revision_and_nothing_else() {
        for (text, expected) in [
            ("12", "12"),
            ("r12", "12"),
            ("HEAD", "HEAD"),
            ("{2026-11-20T10:00:00}", "{2026-11-20T10:00:00}"),
        ] {
            assert_eq!(revision(text, "").unwrap(), expected);
        }
        for wrong in ["", "r", "1:2", "main", "-1", "{}", "{2026}:{2027}", "12 "] {
            assert!(revision(wrong, "").is_err(), "{wrong}");
        }
    }

    #[test]
    fn says_what_svn_said_without_its_noise() {
        assert_eq!(
            said(
                "svn: warning: cannot set LC_CTYPE locale\nsvn: warning: W1: no x\n\nsvn: E170013: Unable to connect\nsvn: E000111: refused\n"
            ),
            "W1: no x\nE170013: Unable to connect\nE000111: refused"
        );
        let long = said(&format!("svn: E000036: {}: too long", "ü".repeat(1000)));
        assert!(long.starts_with("E000036: ü") && long.ends_with("ü: too long"));
        assert_eq!(long.chars().count(), LONGEST_LINE + 3);
    }
}
