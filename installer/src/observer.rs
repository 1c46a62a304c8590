//! Who hears what happens meanwhile, and how an error is said in a sentence.

use std::sync::{Mutex, PoisonError};

use bulla_bundle::Progress;
use bulla_schemas::outcome::Outcome;
pub(crate) use bulla_schemas::outcome::with_causes;

/// Hears what happens meanwhile, in sentences and in bytes.
pub trait Observer: Progress {
    /// Something that a person should know and that stops nothing.
    fn note(&self, sentence: &str);
}

/// Hears nothing.
pub(crate) struct Silent;

impl Progress for Silent {}

impl Observer for Silent {
    fn note(&self, _: &str) {}
}

/// Keeps what it hears.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Notes {
    /// Returns what was heard since the last call.
    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Progress for Notes {}

impl Observer for Notes {
    fn note(&self, sentence: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(sentence.to_owned());
    }
}

/// Writes an error, all its causes and what to do next in one line.
pub(crate) fn with_hint(error: &impl Outcome) -> String {
    match error.hint() {
        Some(hint) => format!("{}; {hint}", with_causes(error)),
        None => with_causes(error),
    }
}
