//! Data on stdout. A reader that goes away is no failure; any other lost output is one.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

use bulla_schemas::escape::{escape, escape_json};
use bulla_schemas::outcome::Outcome;
use serde::Serialize;

use crate::width::{self, USUAL, columns};

/// Why data did not reach stdout.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
pub struct OutputError(#[from] io::Error);

impl Outcome for OutputError {
    fn hint(&self) -> Option<String> {
        let hint = match self.0.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "free some space where the output goes; what was to be done is done"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Prints one line of data.
pub fn line(text: impl Display) -> Result<(), OutputError> {
    write(&format!("{text}\n"))
}

/// Prints words of ours and of others behind what begins their line, escaped, and goes on in the next
/// line, a little further in, where they do not fit: into the terminal, or into 80 characters where there
/// is none.
pub fn words(begin: &str, words: impl Display) -> Result<(), OutputError> {
    write(&folded(begin, words))
}

/// Returns what [`words`] prints.
pub fn folded(begin: &str, words: impl Display) -> String {
    let columns = columns(&io::stdout()).unwrap_or(USUAL);
    width::folded(begin, &escape(&words.to_string()), columns)
}

/// Prints a document as JSON, for programs. What it says of others may be shown on a terminal, so
/// control and invisible characters are escaped as JSON has them.
pub fn json(document: &impl Serialize) -> Result<(), OutputError> {
    let text = serde_json::to_string_pretty(document).map_err(io::Error::from)?;
    line(escape_json(&text))
}

/// Prints text as it is.
pub fn write(text: &str) -> Result<(), OutputError> {
    stream(|stdout| stdout.write_all(text.as_bytes()))
}

/// Prints what is too large to hold: `print` writes as much as it likes, through a buffer.
pub fn stream(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let printed = print(&mut stdout).and_then(|()| stdout.flush());
    if printed.is_err() {
        // A buffer that is dropped writes once more.
        drop(stdout.into_parts());
    }
    ignore_lost_reader(printed)
}

/// Prints what other code left in memory.
pub(crate) fn flush() -> Result<(), OutputError> {
    ignore_lost_reader(io::stdout().flush())
}

pub(crate) fn ignore_lost_reader(printed: io::Result<()>) -> Result<(), OutputError> {
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}
