//! Messages for people, on stderr. There is no way to tell that these are lost.

use std::fmt::Display;
use std::io::{self, Write as _};

use bulla_schemas::escape::escape;

use crate::width::{USUAL, columns, fitted, folded};

/// Writes a sentence; control characters, which untrusted text may bring, are escaped. In a terminal it goes
/// on in the next line where it does not fit.
pub fn say(sentence: impl Display) {
    fit(&format!("{}\n", escape(&sentence.to_string())));
}

/// Writes words behind what begins their line, and goes on in the next line where they do not fit, as
/// [`stdout::words`](crate::stdout::words) does.
pub fn words(begin: &str, words: impl Display) {
    let columns = columns(&io::stderr()).unwrap_or(USUAL);
    write(&folded(begin, &escape(&words.to_string()), columns));
}

/// Writes what a person should know: `note: ...`.
pub fn note(sentence: impl Display) {
    say(format_args!("note: {sentence}"));
}

/// Writes what a person should look at: `warning: ...`.
pub fn warn(sentence: impl Display) {
    say(format_args!("warning: {sentence}"));
}

/// Writes text of several lines that is escaped already, as wide as the terminal is. In a file or a pipe
/// programs look for the lines, and they stay as they are.
pub fn fit(text: &str) {
    match columns(&io::stderr()) {
        Some(columns) => write(&fitted(text, columns)),
        None => write(text),
    }
}

/// Writes text of several lines that is escaped already.
pub fn write(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
