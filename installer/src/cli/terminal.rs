//! The terminal as an observer of an operation.

use bulla_bundle::Progress;
use bulla_terminal::Bar;

use crate::observer::Observer;

/// Shows a bar and notes on stderr, or nothing.
pub(super) struct Terminal(Option<Bar>);

impl Terminal {
    /// Begins to show a step.
    pub(super) fn new(step: &'static str) -> Self {
        Self(Some(Bar::new(step)))
    }

    /// Shows nothing when `is_quiet`.
    pub(super) fn unless(is_quiet: bool, step: &'static str) -> Self {
        Self((!is_quiet).then(|| Bar::new(step)))
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish();
        }
    }
}

impl Progress for Terminal {
    fn start(&self, total_bytes: Option<u64>) {
        if let Some(bar) = &self.0 {
            bar.start(total_bytes);
        }
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.advance(bytes);
        }
    }
}

impl Observer for Terminal {
    fn note(&self, sentence: &str) {
        if let Some(bar) = &self.0 {
            bar.note(sentence);
        }
    }
}
