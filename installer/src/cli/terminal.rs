//! The terminal as an observer of an operation.

use bulla_bundle::Progress;
use bulla_terminal::Bar;

use crate::observer::Observer;
use crate::site::Server;

/// Shows a bar and notes on stderr, or nothing.
pub(super) struct Terminal<'a> {
    bar: Option<Bar>,
    server: &'a Server,
}

impl<'a> Terminal<'a> {
    /// Begins to show a step.
    pub(super) fn new(step: &'static str, server: &'a Server) -> Self {
        Self::unless(false, step, server)
    }

    /// Shows nothing when `is_quiet`.
    pub(super) fn unless(is_quiet: bool, step: &'static str, server: &'a Server) -> Self {
        let bar = (!is_quiet).then(|| Bar::new(step));
        Self { bar, server }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

impl Progress for Terminal<'_> {
    fn start(&self, total_bytes: Option<u64>) {
        if let Some(bar) = &self.bar {
            bar.start(total_bytes);
        }
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.advance(bytes);
        }
    }
}

impl Observer for Terminal<'_> {
    fn note(&self, sentence: &str) {
        if let Some(bar) = &self.bar {
            bar.note(self.server.complete(sentence));
        }
    }
}
